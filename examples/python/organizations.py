#!/usr/bin/env python3
"""Prints the organization of each tenant named, and when it was last backed up: organizations.py TENANT..."""

import sys

import requests
from vb365_auth import HelperError, Vb365Session

failed = 0
for tenant in sys.argv[1:]:
    try:
        with Vb365Session(tenant) as vb365:
            answer = vb365.get("/v8/Organization", timeout=30)
            answer.raise_for_status()
        organization = answer.json()
        print(organization["name"], organization.get("lastBackuptime", "never"), sep="\t")
    except (HelperError, requests.RequestException) as error:
        print(f"{tenant}: {error}", file=sys.stderr)
        failed = getattr(error, "exit_code", None) or 1
sys.exit(failed)
