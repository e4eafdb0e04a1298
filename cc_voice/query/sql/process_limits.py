"""Process limits: what a process gives up before it runs SQL of people: files, sockets, processes, memory and time beyond a share.
Linux on x86-64.

A seccomp filter lists the calls a computation needs; every other one fails with EPERM, in threads that run already too. So it does
not matter whether DuckDB can be talked into opening something: the database file is open by then, and nothing else will be. The
alternatives lost: namespaces need rights that containers take away, and a list of forbidden calls is out of date with every kernel.

Runs inside the sandbox and imports nothing of cc_voice.
"""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct

NICE = 15
"""Whoever records calls goes first."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP, _SET_MODE_FILTER, _ALL_THREADS = 317, 1, 1
_AUDIT_ARCH_X86_64 = 0xC000003E
_CLONE_THREAD = 0x00010000
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_CLONE, _CLONE3, _TGKILL = 56, 435, 234
_CALLS = {
    "read": 0,
    "write": 1,
    "close": 3,
    "fstat": 5,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "readv": 19,
    "writev": 20,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "nanosleep": 35,
    "getpid": 39,
    "exit": 60,
    "uname": 63,
    "getrusage": 98,
    "sysinfo": 99,
    "sigaltstack": 131,
    "gettid": 186,
    "futex": 202,
    "sched_getaffinity": 204,
    "restart_syscall": 219,
    "fadvise64": 221,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "set_robust_list": 273,
    "getcpu": 309,
    "getrandom": 318,
    "membarrier": 324,
    "rseq": 334,
}
"""The numbers are the kernel's for x86-64 (arch/x86/entry/syscalls/syscall_64.tbl); they never change."""


class LimitsUnavailable(Exception):
    """This machine cannot take these rights away; the message says which."""


def take_share(memory_bytes: int, cpu_s: int) -> None:
    """Limit memory, time and files, end with the parent, and step back behind everybody else. Raises NoWalls."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) or libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise LimitsUnavailable(f"prctl: {os.strerror(ctypes.get_errno())}")
    with contextlib.suppress(OSError):
        os.nice(NICE)
    for limit, value in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def close_doors() -> None:
    """Give up every call to the system that a computation does not need, for ever and in all threads. Raises NoWalls."""
    if platform.machine() != "x86_64" or os.uname().sysname != "Linux":
        raise LimitsUnavailable(f"{os.uname().sysname} on {platform.machine()} is not known here")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise LimitsUnavailable(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    program = _program()
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // 8, ctypes.addressof(code))
    if libc.syscall(_SECCOMP, _SET_MODE_FILTER, _ALL_THREADS, ctypes.create_string_buffer(header, len(header))):
        raise LimitsUnavailable(f"seccomp: {os.strerror(ctypes.get_errno())}")


def _program() -> bytes:
    """Return the filter: one BPF instruction of 8 bytes after the other."""
    allow, refuse = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for number in _CALLS.values():
        steps += [(_EQUAL, 0, 1, number), allow]
    # glibc asks for clone3, whose flags a filter cannot see, and takes clone when there is none; threads, no processes
    steps += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    steps += [(_EQUAL, 0, 4, _CLONE), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT), (_BITS, 0, 1, _CLONE_THREAD), allow, refuse]
    # abort() signals its own process; any other, such as the service that asked, is none of its business
    steps += [(_EQUAL, 0, 3, _TGKILL), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT), (_EQUAL, 0, 1, os.getpid()), allow, refuse]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
