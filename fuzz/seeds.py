#!/usr/bin/env python3
"""Writes the seeds of the corpus from the captured messages of ../interop/fixtures: seeds.py. Existing files stay."""

import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
URLS = [
    'rabbit://', 'rabbit://guest:guest@127.0.0.1:5672/', 'rabbit://u:p%2Fq%23@[::1]:5671/vhost?ssl=1',
    'rabbit://a:b@one:5672,c:d@two:5673,e:f@[fe80::1]/%2F?rabbit_quorum_queue=true&heartbeat_timeout_threshold=30',
    'kombu+amqp://u@h//', 'rabbit://u:p@h:0/', 'rabbit://u:p#@h', 'rabbit://u:%ff@h/', 'amqp://u:p@h/', 'u:p@h',
]
NETWORK = {'agent': 'running', 'carrier': True, 'health_score': 0, 'known': 3, 'alive': 2, 'proof_of_life_age_ms': 312,
           'not_alive': {'compute-2': 'failed'}}
REPORT = {'observer': 'compute-1', 'witness': False, 'boot_id': '5f2a6a52-7a0e-4b39-9a1c-2f0d8f5d0c11',
          'system_uuid': '4c4c4544-0031-3010-8052-b4c04f4d3533', 'monitor_start': '0f0e0d0c-0b0a-4908-8706-050403020100',
          'sequence': 12, 'clock_ms': 123456789, 'generation': '9f86d081884c7d65', 'shutting_down': False,
          'nonce': 'n-1', 'networks': {'management': NETWORK, 'storage': NETWORK}}


def put(target, name, content):
    path = HERE / 'corpus' / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(content)


def request(method, args):
    inner = {'method': method, 'args': args, 'version': '1.0', '_unique_id': '0' * 32}
    return json.dumps({'oslo.version': '2.0', 'oslo.message': json.dumps(inner)}).encode()


def main():
    for file in sorted((HERE / '../interop/fixtures').glob('*/*.json')):
        message = json.loads(file.read_text())
        body = bytes.fromhex(message['body_hex']) if 'body_hex' in message else message['body'].encode()
        target = 'notification' if file.stem.startswith('notification') else 'envelope'
        release = file.parent.name.rsplit('-', 1)[1]
        put(target, f'{file.stem}-{release}', body)
        if target == 'notification':
            put('envelope', f'{file.stem}-{release}', body)
    for number, url in enumerate(URLS):
        put('transport_url', str(number), url.encode())
    answer = {'observer': 'compute-1', 'target': 'compute-2', 'network': 'storage', 'reached': False, 'nonce': 'n-1'}
    census = {'observer': 'compute-1', 'nonce': 'n-1', 'running': ['4c4c4544-0031-3010-8052-b4c04f4d3533']}
    put('report', 'report', request('report', {'report': REPORT}))
    put('report', 'probe_answer', request('probe_answer', {'answer': answer}))
    put('report', 'census_answer', request('census_answer', {'answer': census}))


if __name__ == '__main__':
    main()
