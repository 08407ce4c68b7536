"""Waiting for what will never be given: a permit, a place in a pool, a finished job, a last count.

The twins give back in ``finally``, count under a lock, and do not wait where they may be the cause.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.quality.corpus.case import twins


class AlreadyRunning(Exception):
    """The same download is under way."""


class Downloader:
    """A permit leaks when a download is refused, and ``wait_until_idle`` needs all of them."""

    limit = 2

    def __init__(self) -> None:
        self.permits = threading.Semaphore(self.limit)
        self.running: set[str] = set()
        self._lock = threading.Lock()

    def _begin(self, url: str) -> None:
        with self._lock:
            if url in self.running:
                raise AlreadyRunning(url)
            self.running.add(url)

    def _end(self, url: str) -> None:
        with self._lock:
            self.running.discard(url)

    def download(self, url: str) -> None:
        self.permits.acquire()
        self._begin(url)
        self._end(url)
        self.permits.release()

    def wait_until_idle(self) -> None:
        for _ in range(self.limit):
            self.permits.acquire()
        self.permits.release(self.limit)


class CarefulDownloader(Downloader):
    def download(self, url: str) -> None:
        with self.permits:
            self._begin(url)
            self._end(url)


def download(downloader: Downloader) -> None:
    downloader.download("file")


def download_and_wait(downloader: Downloader) -> None:
    try:
        downloader.download("file")
    except AlreadyRunning:
        pass
    downloader.wait_until_idle()


class Crawler:
    """Tasks of a full pool wait for tasks that queue for the same pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="crawler")
        self.pages: list[str] = []

    def _page(self, site: str) -> None:
        self.pages.append(site)

    def _site(self, site: str) -> None:
        self.pool.submit(self._page, site).result()

    def crawl(self, site: str) -> None:
        self.pool.submit(self._site, site).result()


class DirectCrawler(Crawler):
    def _site(self, site: str) -> None:
        self._page(site)


class Deliveries:
    """A job that is delivered twice and already in work is dropped without ``task_done``."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[str] = queue.Queue()
        self.jobs.put("invoice")
        self.jobs.put("invoice")
        self.in_work: set[str] = set()
        self._lock = threading.Lock()

    def _claim(self, job: str) -> bool:
        with self._lock:
            if job in self.in_work:
                return False
            self.in_work.add(job)
            return True

    def _give_back(self, job: str) -> None:
        with self._lock:
            self.in_work.discard(job)

    def work(self) -> None:
        job = self.jobs.get()
        if not self._claim(job):
            return
        self._give_back(job)
        self.jobs.task_done()

    def work_and_wait(self) -> None:
        self.work()
        self.jobs.join()


class CarefulDeliveries(Deliveries):
    def work(self) -> None:
        job = self.jobs.get()
        try:
            if self._claim(job):
                self._give_back(job)
        finally:
            self.jobs.task_done()


class Backlog:
    """A queue that is tested before a ``get`` that can wait for ever."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[str] = queue.Queue()
        self.jobs.put("job")

    def take(self) -> str | None:
        if self.jobs.empty():
            return None
        return self.jobs.get()


class CarefulBacklog(Backlog):
    def take(self) -> str | None:
        try:
            return self.jobs.get_nowait()
        except queue.Empty:
            return None


class Latch:
    """Opens when the count reaches zero; a lost count leaves it shut for ever."""

    def __init__(self) -> None:
        self.missing = 2
        self.opened = threading.Event()

    def count_down(self) -> None:
        self.missing -= 1
        if self.missing == 0:
            self.opened.set()

    def count_down_and_wait(self) -> None:
        self.count_down()
        self.opened.wait()


class LockedLatch(Latch):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def count_down(self) -> None:
        with self._lock:
            self.missing -= 1
            last = self.missing == 0
        if last:
            self.opened.set()


CASES = (
    twins(
        "semaphore_leaks_on_exception",
        "deadlock",
        Downloader,
        CarefulDownloader,
        [download, download_and_wait],
        check=lambda downloader: downloader.running == set(),
        expected=(AlreadyRunning,),
    ),
    twins(
        "pool_waits_for_itself",
        "deadlock",
        Crawler,
        DirectCrawler,
        [lambda crawler: crawler.crawl("a"), lambda crawler: crawler.crawl("b")],
        check=lambda crawler: sorted(crawler.pages) == ["a", "b"],
        options={"preemptions": 0},  # two threads and two pool workers: 48 schedules with none, 4 224 with one
    ),
    twins(
        "task_done_forgotten",
        "deadlock",
        Deliveries,
        CarefulDeliveries,
        [lambda deliveries: deliveries.work(), lambda deliveries: deliveries.work_and_wait()],
        check=lambda deliveries: deliveries.jobs.unfinished_tasks == 0,
    ),
    twins(
        "queue_tested_before_get",
        "deadlock",
        Backlog,
        CarefulBacklog,
        [lambda backlog: backlog.take()] * 2,
        check=lambda backlog, results: results.count("job") == 1,
    ),
    twins(
        "latch_loses_a_count",
        "deadlock",
        Latch,
        LockedLatch,
        [lambda latch: latch.count_down(), lambda latch: latch.count_down_and_wait()],
        check=lambda latch: latch.opened.is_set(),
    ),
)
