"""A Keystone of the test's own: Debian's, unchanged, with JWS tokens, on loopback, in the directory given.

Prints one line of JSON when it answers. Then each line on standard input is a command, answered by one line: "rotate"
publishes the second key and signs with it from now on; "validations" counts the questions about tokens. Ends, and removes
the directory, when standard input does: so it never outlives its test.
"""

import datetime
import ipaddress
import json
import os
import pathlib
import shutil
import ssl
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from keystone.cmd import cli
from keystone.server.flask import core

HOME = pathlib.Path(sys.argv.pop())  # Keystone reads what is left of the arguments
OWNER = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
VALIDATIONS = 0


class Handler(WSGIRequestHandler):
    """Counts before it answers, and says nothing."""

    def parse_request(self):
        global VALIDATIONS
        parsed = super().parse_request()
        VALIDATIONS += parsed and self.command == "GET" and self.path.startswith("/v3/auth/tokens")
        return parsed

    def log_message(self, *_):
        pass


def manage(*words, where=HOME):
    """keystone-manage in a process of its own: its configuration can be read only once in each."""
    child = os.fork()
    if child == 0:
        os.chdir(where)
        os.dup2(2, 1)
        try:
            cli.main(argv=["keystone-manage", "--config-file", str(HOME / "keystone.conf"), *words])
        except BaseException as error:
            print(words, repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"keystone-manage {words[0]} failed")


def make_pair(name):
    place = HOME / "pairs" / name
    place.mkdir(parents=True)
    manage("create_jws_keypair", *OWNER, where=place)


def sign_with(name):
    """The public key is there before the first token that needs it."""
    os.rename(HOME / "pairs" / name / "public.pem", HOME / "public" / f"{name}.pem")
    os.rename(HOME / "pairs" / name / "private.pem", HOME / "private" / "private.pem")


def certificate(name, signer=None):
    """NAME.crt and NAME.key, signed by itself or by a name of before."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, issuer_key = signer or (subject, key)
    now = datetime.datetime.utcnow()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    made = builder.sign(issuer_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (HOME / f"{name}.crt").write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    (HOME / f"{name}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return subject, key


def configure():
    for name in ("public", "private", "keys"):
        (HOME / name).mkdir()
    (HOME / "keystone.conf").write_text(f"""
[DEFAULT]
log_file = {HOME}/keystone.log
[database]
connection = sqlite:///{HOME}/keystone.db
[identity]
password_hash_rounds = 4
[token]
provider = jws
[jwt_tokens]
jws_public_key_repository = {HOME}/public
jws_private_key_repository = {HOME}/private
[fernet_tokens]
key_repository = {HOME}/keys
[fernet_receipts]
key_repository = {HOME}/keys
[credential]
key_repository = {HOME}/keys
[cache]
enabled = false
""")


def with_tls(server):
    """Asks for a certificate of ours from whoever calls."""
    authority = certificate("authority")
    for name in ("server", "client"):
        certificate(name, authority)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=HOME / "authority.crt")
    context.load_cert_chain(HOME / "server.crt", HOME / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)


def obey():
    for line in sys.stdin:
        match line.strip():
            case "rotate":
                sign_with("second")
                print("done", flush=True)
            case "validations":
                print(VALIDATIONS, flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    os._exit(0)


def main():
    plain, tls = (WSGIServer(("127.0.0.1", 0), Handler) for _ in range(2))
    url = f"http://127.0.0.1:{plain.server_port}"
    configure()
    with_tls(tls)
    for name in ("first", "second"):
        make_pair(name)
    sign_with("first")
    manage("fernet_setup", *OWNER)
    manage("db_sync")
    manage("bootstrap", "--bootstrap-password", "pw-of-admin", "--bootstrap-region-id", "RegionOne",
           "--bootstrap-public-url", f"{url}/v3", "--bootstrap-internal-url", f"{url}/v3")
    application = core.initialize_application(name="public", config_files=[str(HOME / "keystone.conf")])
    for server in (plain, tls):
        server.set_app(application)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": url, "tls": f"https://127.0.0.1:{tls.server_port}"}), flush=True)
    obey()


main()
