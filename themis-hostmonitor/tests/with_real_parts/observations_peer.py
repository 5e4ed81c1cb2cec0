#!/usr/bin/python3
"""The interoperability peer, with the methods of the topic themis_observations: each is shown as it arrives."""

import sys

sys.path.insert(0, sys.argv.pop(1))
import oslo_peer  # noqa: E402

for method in ('report', 'probe_answer', 'census_answer'):
    def show(self, ctxt, _method=method, **kwargs):
        self._seen(_method, ctxt, kwargs)
    setattr(oslo_peer.Endpoint, method, show)

sys.exit(oslo_peer.main())
