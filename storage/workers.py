"""How worker processes start, and what each does first: crawls and folds start some."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

MANY = 600  # stories; for fewer the start of other processes costs more than it saves


def others_help(stories: int) -> bool:
    """Whether other processes make work on so many stories shorter."""
    return stories >= MANY and processors() > 1


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def context_with(module: str) -> BaseContext:
    """How workers start: never as a copy of this process, which holds an open database. Where the
    system can, one process loads the module, and the workers are copies of that one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def load_beside(module: str) -> None:
    """Have the module loaded for workers that start with it, while this process goes on."""
    if context_with(module).get_start_method() == "forkserver":
        from multiprocessing import forkserver  # not on every system

        forkserver.ensure_running()


def begin_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and goes when the parent goes, be it killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_go_with_parent, daemon=True).start()


def _go_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
