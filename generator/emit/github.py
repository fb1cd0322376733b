"""What `check` found, as commands that make GitHub Actions mark lines of files.

Source: GitHub documentation, "Workflow commands for GitHub Actions"; what is escaped, and how,
is what GitHub's own toolkit does.
"""

from generator.emit.check_json import prefixed
from generator.emit.check_text import one_line, path_line
from generator.engine.finding import Finding, Report, worst_first
from generator.text.document import Place

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def annotations(report: Report, prefix: str = "") -> str:
    """Return a line for each finding, the worst first, then one for each file left out.

    GitHub shows few for a step, so the order matters. `prefix` is put before paths as
    `prefixed` does it. No text of a tree can begin a line, so none can give a command.
    """
    report = prefixed(report, prefix)
    lines = [_finding(finding) for finding in worst_first(report.findings)]
    lines += [_command("warning", left.place, "left out", [left.message]) for left in report.unread]
    return "".join(f"{line}\n" for line in lines)


def _finding(finding: Finding) -> str:
    where = f" ({finding.playbook})" if finding.playbook else ""
    lines = [finding.message, finding.why, finding.cure]
    if finding.conditions:
        lines.append(f"Holds when: {'; '.join(finding.conditions)}.")
    return _command(
        _COMMANDS[finding.severity], finding.place, one_line(finding.code + where), lines
    )


def _command(name: str, place: Place, title: str, lines: list[str]) -> str:
    properties = {"title": title}
    if place.path:
        position = {"line": str(max(1, place.line)), "col": str(max(1, place.column))}
        properties = {"file": place.path, **position, **properties}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    # Only line breaks of our own become GitHub's.
    message = "%0A".join(_data(one_line(line)) for line in lines if line)
    return f"::{name} {written}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # Behind GitHub's rules only those line breaks are left that GitHub knows nothing of.
    return path_line(_data(text).replace(":", "%3A").replace(",", "%2C"))
