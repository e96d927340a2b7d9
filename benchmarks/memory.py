from pathlib import Path

MEGABYTE = 2**20


def peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux includes the process that this one was forked from
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    import resource  # is not there on every system that has no /proc

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
