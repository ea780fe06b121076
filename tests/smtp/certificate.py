"""Makes a certificate for 127.0.0.1 and the authority that signed it: server.pem (with its key) and authority.pem in the
directory that is named."""

import pathlib
import sys

import trustme

directory = pathlib.Path(sys.argv[1])
authority = trustme.CA()
authority.cert_pem.write_to_path(directory / "authority.pem")
server = authority.issue_cert("127.0.0.1")
server.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
