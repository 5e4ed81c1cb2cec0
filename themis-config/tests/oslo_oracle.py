"""What Debian's oslo.config makes of configuration files: cases as JSON on stdin, answers as JSON on stdout."""

import json
import os
import sys
import tempfile

from oslo_config import cfg

KINDS = {'string': cfg.StrOpt, 'list': cfg.ListOpt, 'integer': cfg.IntOpt, 'boolean': cfg.BoolOpt}


def answer(case):
    """Each option's value, or None where oslo.config raises."""
    paths = []
    for text in case['files']:
        with tempfile.NamedTemporaryFile('w', suffix='.conf', delete=False) as file:
            file.write(text)
        paths.append(file.name)
    for name in [name for name in os.environ if name.startswith('OS_')]:
        del os.environ[name]
    os.environ.update(case['environment'])
    conf = cfg.ConfigOpts()
    for section, name, kind in case['options']:
        conf.register_opt(KINDS[kind](name), group=None if section == 'DEFAULT' else section)
    arguments = [word for path in paths for word in ('--config-file', path)]
    try:
        conf(arguments, default_config_files=[], default_config_dirs=[])
    except cfg.Error:
        return None
    finally:
        for path in paths:
            os.unlink(path)
    values = []
    for section, name, _ in case['options']:
        try:
            values.append(getattr(conf if section == 'DEFAULT' else conf[section], name))
        except (cfg.Error, AttributeError, ValueError, RecursionError):
            values.append(None)
    return values


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
