"""HTTP clients with TLS: what a request costs, and what a connection costs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..model import LIMIT, Row, Settings
from .requesting import Requesting, row


class HttpTls(Requesting):
    name = "http_tls"
    title = "HTTP clients with TLS"
    note = (
        "As in the subject `http`, with TLS 1.3 and a certificate with a key on P-256 that the "
        "client checks. *New connections*: the server closes behind each response and resumes no "
        "session, so each is a full handshake. *Resumed*: the same from a server that gives "
        "tickets, to clients as they come: who does not use them makes a full handshake. The limit "
        "is hyper with rustls; it takes every certificate, and resumes nothing."
    )

    def rows(self) -> list[Row]:
        return [
            row("GET 1 kB, 1 at a time", "get", "/bytes/1000", 1),
            row("GET 1 kB, 50 at a time", "get", "/bytes/1000", 50),
            row("GET 1 MB, 10 at a time", "get", "/bytes/1000000", 10, size=1_000_000),
            row("GET 1 kB, new connections, 10 at a time", "get", "/close/1000", 10),
            row(
                "GET 1 kB, new connections, resumed, 10 at a time",
                "get",
                "/close/1000",
                10,
                without=(LIMIT,),
                resumes=True,
            ),
        ]

    def measure(self, row: Row, loop: str, settings: Settings) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            authority, chain, key = (str(Path(folder, name)) for name in ("ca", "chain", "key"))
            certify(authority, chain, key)
            identity = ["--chain", chain, "--key", key]
            if row.parameters.get("resumes"):
                identity.append("--resume")
            return self.request(row, loop, settings, identity, authority)


def certify(authority: str, chain: str, key: str) -> None:
    """An authority, and what it issues for the address of the server, into files."""
    import trustme

    issuer = trustme.CA()
    issued = issuer.issue_cert("127.0.0.1", "localhost")
    issuer.cert_pem.write_to_path(authority)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    issued.private_key_pem.write_to_path(key)
