"""Tells Formwork what a playbook does, one JSON object a line, over the socket that FORMWORK_EVENTS names.

Formwork answers with one byte when it has recorded that the run begins; nothing happens on any host before that. When
the other end of the socket goes away, Formwork has died: the run must not go on without it.
"""

import json
import multiprocessing
import os
import signal
import socket
import threading

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: formwork
type: stdout
short_description: events for Formwork
version_added: "1.0"
description: Sends each event of a run to the Formwork that started it.
"""

STATES = ("ok", "changed", "failures", "unreachable", "skipped", "rescued", "ignored")
TAIL = 20


def text(value):
    if isinstance(value, str):
        return str(value)
    return json.dumps(value, default=str)


def tail(value):
    return "\n".join(text(value).strip().splitlines()[-TAIL:])


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "formwork"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(os.environ["FORMWORK_EVENTS"])
        self._send(event="hello")
        if not self._socket.recv(1):
            os._exit(99)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        try:
            while self._socket.recv(1):
                pass
        except OSError:
            pass
        # Ansible passes the signal on to its workers, which have left our process group, unless it is stuck; each leads a
        # group of its own.
        for child in multiprocessing.active_children():
            try:
                os.killpg(child.pid, signal.SIGTERM)
            except OSError:
                pass  # it has ended
        os.killpg(os.getpgrp(), signal.SIGTERM)

    def _send(self, **event):
        line = json.dumps(event, default=str) + "\n"
        try:
            with self._lock:
                self._socket.sendall(line.encode())
        except OSError:
            pass  # the watcher ends the run

    def _task(self, task):
        file, _, line = (task.get_path() or "").rpartition(":")
        return {"name": text(task.get_name()), "file": file, "line": int(line) if line.isdigit() else 0}

    def _message(self, result):
        if "censored" in result:
            return "the task is marked no_log, so what it said is not shown"
        parts = []
        for inner in result.get("results") or []:
            if isinstance(inner, dict) and (inner.get("failed") or inner.get("unreachable")):
                label = self._get_item_label(inner)
                parts.append("(item=%s) %s" % (text(label), self._message(inner)))
        if parts:
            return "\n".join(parts)
        if result.get("msg"):
            parts.append(text(result["msg"]))
        for name in ("module_stderr", "stderr", "module_stdout", "stdout"):
            if result.get(name):
                parts.append(tail(result[name]))
                break
        if "rc" in result and result.get("rc") not in (0, None):
            parts.append("exit code %s" % result["rc"])
        return "\n".join(parts) or "the module failed without saying why"

    def _diffs(self, result):
        if "censored" in result:
            return []
        out = []
        for inner in [result] + [r for r in result.get("results") or [] if isinstance(r, dict)]:
            found = inner.get("diff") or []
            for diff in found if isinstance(found, list) else [found]:
                if diff and "censored" not in inner:
                    name = diff.get("after_header") or diff.get("before_header") or ""
                    out.append({"name": text(name), "text": self._get_diff([diff])})
        return out

    def _unchecked(self, result, skipped):
        """Whether something was left out only because its module cannot say what it would do: no condition says so."""
        reasons = ("skip_reason", "skipped_reason", "false_condition")
        inner = [r for r in result.get("results") or [] if isinstance(r, dict)]
        if inner:
            return any(r.get("skipped") and not any(reason in r for reason in reasons) for r in inner)
        return skipped and not any(reason in result for reason in reasons)

    def _host(self, found, status, ignored=False):
        result = found._result
        bad = status in ("failed", "unreachable")
        self._send(
            event="host",
            host=found._host.get_name(),
            status=status,
            task=self._task(found._task),
            changed=bool(result.get("changed")),
            ignored=bool(ignored),
            unchecked=bool(found._task.check_mode) and self._unchecked(result, status == "skipped"),
            message=self._message(result) if bad else "",
            diffs=self._diffs(result),
        )

    def v2_playbook_on_start(self, playbook):
        self._send(event="start")

    def v2_playbook_on_play_start(self, play):
        self._send(event="play", name=text(play.get_name()))

    def v2_playbook_on_no_hosts_matched(self):
        self._send(event="no_hosts")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._send(event="task", task=self._task(task))

    def v2_playbook_on_handler_task_start(self, task):
        self._send(event="task", task=self._task(task))

    def v2_runner_on_ok(self, result):
        self._host(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._host(result, "failed", ignored=ignore_errors)

    def v2_runner_on_unreachable(self, result):
        self._host(result, "unreachable", ignored=bool(getattr(result._task, "ignore_unreachable", False)))

    def v2_runner_on_skipped(self, result):
        self._host(result, "skipped")

    def v2_playbook_on_stats(self, stats):
        hosts = {}
        for host in stats.processed:
            found = stats.summarize(host)
            hosts[host] = {name: found.get(name, 0) for name in STATES}
        self._send(event="stats", hosts=hosts)
