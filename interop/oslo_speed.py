#!/usr/bin/env python3
"""How fast oslo.messaging is, for comparison with `bus_speed` of themis-messaging on the same broker.

oslo_speed.py URL cast|notify COUNT AT_ONCE   sends, from so many threads
oslo_speed.py URL serve COUNT                 handles casts

Prints `ready` (servers), then one JSON object: rate, latencies, CPU time and memory of this process. A sender's latency
is from the call to the broker's confirmation, a server's from the sender's call to the handler.
"""

import concurrent.futures
import json
import os
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg


class Began:
    def __init__(self):
        self.time, self.cpu = time.monotonic_ns(), time.process_time_ns()

    def print(self, latencies):
        seconds, cpu_s = (time.monotonic_ns() - self.time) / 1e9, (time.process_time_ns() - self.cpu) / 1e9
        count = len(latencies)
        latencies.sort()
        with open('/proc/self/status') as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith('VmRSS:'))
        print(json.dumps({
            'count': count, 'per_s': count / seconds, 'cpu_us_each': cpu_s * 1e6 / count,
            'p50_ms': latencies[count // 2] / 1e6, 'p99_ms': latencies[count * 99 // 100] / 1e6,
            'resident_mb': resident / 1024,
        }), flush=True)


class Endpoint:
    def __init__(self, count):
        self.count, self.began, self.latencies, self.done = count, None, [], threading.Event()

    def echo(self, ctxt, n, sent):
        if self.began is None:
            self.began = Began()
            return
        self.latencies.append(time.monotonic_ns() - sent)
        if len(self.latencies) == self.count:
            self.done.set()


def serve(url, count):
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
    target = oslo_messaging.Target(topic='speed', server='server', version='1.0')
    endpoint = Endpoint(count)
    server = oslo_messaging.get_rpc_server(transport, target, [endpoint], executor='threading')
    server.start()
    print('ready', flush=True)
    endpoint.done.wait()
    endpoint.began.print(endpoint.latencies)
    os._exit(0)  # its orderly stop takes seconds


def sender(url, what):
    if what == 'notify':
        transport = oslo_messaging.get_notification_transport(cfg.CONF, url=url)
        notifier = oslo_messaging.Notifier(transport, 'speed:host', driver='messagingv2', topics=['speed_notifications'])
        return lambda n: notifier.info({}, 'speed.test', {'n': n})
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
    target = oslo_messaging.Target(topic='speed', version='1.0')
    make = getattr(oslo_messaging, 'get_rpc_client', None) or oslo_messaging.RPCClient
    client = make(transport, target)
    return lambda n: client.cast({'request_id': 'req-1'}, 'echo', n=n, sent=time.monotonic_ns())


def main():
    url, what, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cfg.CONF([], project='oslo-speed', default_config_files=[])
    oslo_messaging.set_transport_defaults('themis')
    if what == 'serve':
        serve(url, count)
    send, at_once = sender(url, what), int(sys.argv[4])

    def timed(n):
        sent = time.monotonic_ns()
        send(n)
        return time.monotonic_ns() - sent

    send(0)
    if at_once == 1:
        began = Began()
        latencies = [timed(n) for n in range(count)]
    else:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda n: time.sleep(0.05), range(at_once)))  # all threads are there
            began = Began()
            latencies = list(pool.map(timed, range(count)))
    began.print(latencies)
    sys.stdout.flush()
    os._exit(0)


if __name__ == '__main__':
    main()
