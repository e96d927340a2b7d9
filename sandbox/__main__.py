"""Serve a simulated platform until interrupted: `python -m sandbox greenhouse --interviews 500 --port 8100`."""

import argparse
from threading import Event

from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("platform", choices=simulators())
    parser.add_argument("--interviews", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    options = parser.parse_args()

    company = build_company(interviews=options.interviews, seed=options.seed)
    simulator = simulators()[options.platform](company)
    with serve(simulator, host=options.host, port=options.port, keep_requests=False) as server:
        print(f"base_url: {server.url}{simulator.base_path}")  # noqa: T201
        for name, value in simulator.credentials.items():
            print(f"{name}: {value}", flush=True)  # noqa: T201
        try:
            Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
