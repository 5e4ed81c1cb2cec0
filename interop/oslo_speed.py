#!/usr/bin/env python3
"""How fast oslo.messaging is, for comparison with `bus_speed` of themis-messaging on the same broker.

oslo_speed.py URL casts|notify N     prints one JSON object: rate, latencies, CPU time of this process.
"""

import json
import sys
import time

import oslo_messaging
from oslo_config import cfg


def main():
    url, what, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cfg.CONF([], project='oslo-speed', default_config_files=[])
    oslo_messaging.set_transport_defaults('themis')
    if what == 'casts':
        transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
        target = oslo_messaging.Target(topic='speed', version='1.0')
        if hasattr(oslo_messaging, 'get_rpc_client'):
            client = oslo_messaging.get_rpc_client(transport, target)
        else:
            client = oslo_messaging.RPCClient(transport, target)

        def send(n):
            client.cast({'request_id': 'req-1'}, 'echo', n=n)
    else:
        transport = oslo_messaging.get_notification_transport(cfg.CONF, url=url)
        notifier = oslo_messaging.Notifier(transport, 'speed:host', driver='messagingv2', topics=['speed_notifications'])

        def send(n):
            notifier.info({}, 'speed.test', {'n': n})
    send(0)
    latencies = []
    began, cpu = time.monotonic(), time.process_time()
    for n in range(count):
        sent = time.monotonic()
        send(n)
        latencies.append(time.monotonic() - sent)
    seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu
    latencies.sort()
    print(json.dumps({
        'what': 'Python ' + what, 'count': count, 'per_s': count / seconds, 'cpu_us_each': cpu_s * 1e6 / count,
        'per_cpu_s': count / cpu_s, 'p50_ms': latencies[count // 2] * 1000, 'p99_ms': latencies[count * 99 // 100] * 1000,
    }), flush=True)


if __name__ == '__main__':
    main()
