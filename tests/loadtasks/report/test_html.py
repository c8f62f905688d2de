"""The page: verdict first, every number of the document, nothing hidden, nothing executed."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from loadtasks import units
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.report import html, table
from loadtasks.report.findings import findings_on_page, within_run
from loadtasks.report.headline import headline
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.report.template_environment import anchor
from loadtasks.report.text import sentence
from loadtasks.report.verdicts import tally
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.judgement import Verdict
from tests.findings import text_finding
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import parse
from tests.measurements import exemplar, health

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='alert(3)' {{ 7*7 }} </style></svg>"


def test_the_verdict_and_its_reason_come_before_everything_else(bad_page: str) -> None:
    page = parse(bad_page)
    assert page.one("h1").text == "✗ FAIL"
    first = next(
        element for element in page.one("body").everything() if element.tag in ("h1", "table", "section", "svg")
    )
    assert first.tag == "h1"
    verdict = page.one("div", class_="verdict")
    lines = [item.one("b").text for item in verdict.one("ul").all("li")]
    assert lines == ["Target missed:", "Regressed:", "Invalid:", "Improved:", "To watch:", "Inconclusive:"]
    missed = [link.attributes["href"] for link in verdict.one("ul").all("li")[0].all("a")]
    assert missed == ["#scenario-dashboard.sustained", "#scenario-mixed.concurrent"]
    assert tally(samples.bad_run()) in verdict.text
    assert page.one("title").text.startswith("FAIL")
    good = samples.document()
    assert sentence(headline(good)) in parse(html.render(good)).one("div", class_="verdict").text


def test_nothing_is_said_twice(bad_page: str) -> None:
    """Findings, captions and notes stand in one place each, and the run's id in one."""
    body = parse(bad_page).one("body")
    said = [block for block in body.blocks() if block.endswith(".") and " | " not in block]
    said = [block for block in said if not block.startswith("Healthy.")]  # how the generator was, with its numbers
    assert [block for block, number in Counter(said).items() if number > 1] == []
    for result in samples.bad_run().scenarios:
        for rendered in findings_on_page(result):
            assert body.text.count(within_run(rendered, samples.bad_run().run.id).sentence) == 1
    assert bad_page.count(samples.bad_run().run.id) == 1


def test_what_several_scenarios_share_is_said_once_for_them() -> None:
    alike = [samples.unreachable(name) for name in ("a.steady", "b.steady")]
    page = parse(html.render(samples.document(*alike, samples.saturated(), samples.missed_target())))
    assert page.text.count("refuses connections") == 1
    shared = page.one("section", id="results").one("ul", class_="findings")
    assert [link.text for link in shared.one("li").all("a")] == ["a.steady", "b.steady"]
    links = [link for link in page.one("table", class_="results").all("a") if link.text in ("a.steady", "b.steady")]
    assert {link.attributes["href"] for link in links} == {"#shared"}, "they have nothing else to say"
    assert page.one("h3", id="shared").text
    parts = [samples.missed("mean_s", 1.62, 1.5, part=part) for part in ("sessions", "dashboard")]
    page = parse(html.render(samples.document(samples.result("mixed.concurrent", Verdict.FAIL, *parts))))
    (shared,) = page.one("section", id="results").one("ul", class_="findings").all("li")
    assert [link.text for link in shared.all("a")] == ["mixed.concurrent (sessions)", "mixed.concurrent (dashboard)"]


def test_the_one_reason_for_which_nothing_was_measured_stands_in_the_head() -> None:
    page = parse(html.render(samples.document(*map(samples.unreachable, ("a.steady", "b.steady")))))
    assert "refuses connections" in page.one("div", class_="verdict").text
    assert page.text.count("refuses connections") == 1
    assert page.all("section", class_="scenario") == []


def test_every_target_is_listed_with_what_was_observed_the_missed_ones_first(bad_page: str) -> None:
    section = parse(bad_page).one("section", id="targets")
    rows = section.one("table").rows()[1:]
    assert rows[0] == ["dashboard.sustained", "success rate", "≥ 95.0 %", "85.0 %", "✗ missed", "dashboard.json"]
    assert [row[4] for row in rows] == ["✗ missed"] * 3 + ["✓ met"] * 12
    assert section.one("h2").text == "Targets: 3 missed, 12 met"


def test_a_regression_of_several_metrics_is_named_once_and_met_targets_without_a_baseline_are_a_pass() -> None:
    findings = [samples.worse("p50_s", 0.02, 0.01), samples.worse("throughput_per_s", 400, 800)]
    young = Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=9))
    page = parse(
        html.render(
            samples.document(
                samples.result("sessions.filtered", Verdict.REGRESSED, *findings),
                samples.result("dashboard.concurrent", Verdict.PASS, young, baseline=False),
            )
        )
    )
    assert page.text.count(f"Regression {samples.REGRESSION}") == 1
    assert page.one("table", class_="results").rows()[2][1] == "✓ PASS"


def test_only_changes_that_a_finding_is_about_are_bold_and_noise_is_grey(bad_page: str) -> None:
    page = parse(bad_page)
    kinds = {
        row.all("th")[0].text: row.all("td")[-1].attributes["class"]
        for row in page.one("table", class_="results").all("tr")[1:]
    }
    assert kinds["sessions.filtered"] == kinds["dashboard.sustained"] == kinds["sessions.concurrent"] == "moved"
    assert kinds["websocket.connections"] == kinds["dashboard.concurrent"] == "noise"
    compared = page.one("section", id="scenario-dashboard.sustained").one("table", class_="comparison")
    own = {row.one("th").text: row.all("td")[-1].attributes["class"] for row in compared.all("tr")[1:]}
    assert own["p95"] == own["success rate"] == "moved"
    mixed = page.one("section", id="scenario-mixed.concurrent").one("table", class_="comparison")
    assert {row.all("td")[-1].attributes["class"] for row in mixed.all("tr") if row.all("td")} == {"noise"}
    assert own["p50"] == "", "beyond its interval, and not confirmed"


def test_the_table_holds_each_scenario_and_part_with_its_numbers() -> None:
    document = samples.bad_run()
    rows = parse(html.render(document)).one("table", class_="results").rows()
    names = [row[0] for row in rows[1:]]
    assert sorted(names) == sorted([*samples.SCENARIOS, "mixed.concurrent", *samples.PARTS])
    assert names[:7] == ["dashboard.sustained", "mixed.concurrent", *samples.PARTS], "the worst first"
    verdicts = list(dict.fromkeys(row[1].split()[-1] for row in rows[1:] if row[1]))
    assert verdicts == ["FAIL", "REGRESSED", "INVALID", "IMPROVED", "SUSPECTED", "INCONCLUSIVE", "PASS"]
    measured = document.scenarios[0].measurements[0]
    row = dict(zip(rows[0], next(row for row in rows if row[0] == "dashboard.concurrent"), strict=True))
    assert row["Verdict"] == "△ SUSPECTED"
    assert row["Requests"] == "100"
    assert row["Mean"] == units.duration(measured.mean_s)
    assert row["p50"] == f"{units.duration(measured.p50_s)} {units.interval(measured.response.interval_s(0.5))}"
    assert row["p95"] == f"{units.duration(measured.p95_s)} {units.interval(measured.response.interval_s(0.95))}"
    assert row["p99"] == f"{units.duration(measured.metrics['p99_s'])}*"
    untrusted = next(row for row in rows if row[0] == "config_get.concurrent")
    assert units.MISSING not in " ".join(untrusted[2:-1]), "of what is not trusted no interval is claimed"
    assert row["Throughput"] == units.rate(measured.throughput_per_s)
    assert re.fullmatch(r"\+\d+ % .+ % to .+ %", row["Vs baseline"])


def test_a_percentile_from_few_requests_is_marked_and_says_why() -> None:
    page = parse(html.render(samples.document(samples.result("dashboard.concurrent"))))
    cells = {cell.text: cell for cell in page.one("table", class_="results").all("td")}
    (p99,) = [cell for text, cell in cells.items() if text.endswith("*")]
    assert "100" in p99.attributes["title"]
    assert "368" in p99.attributes["title"]
    assert table.FOOTNOTE in page.text
    compared = {row[0]: row[1:3] for found in page.all("table") for row in found.rows() if len(row) == 4}
    assert [cell[-1] for cell in compared["p99"]] == ["*", "*"]
    assert [cell[-1] for cell in compared["p95"]] == ["s", "s"]
    many = parse(html.render(samples.document(samples.result("dashboard.sustained"))))
    assert "*" not in many.one("section", id="results").text


def test_a_section_has_findings_counts_errors_phases_and_generator(bad_page: str) -> None:
    page = parse(bad_page)
    section = page.one("section", id="scenario-dashboard.sustained")
    findings = [item.text for item in section.one("ul", class_="findings").all("li")]
    for text, rendered in zip(findings, findings_on_page(samples.missed_target()), strict=True):
        assert text == f"{rendered.title}: {rendered.sentence}. {rendered.next_step}".strip()
    tables = {found.rows()[0][0]: found.rows() for found in section.all("table")}
    counts = dict(zip(*tables["Scheduled"], strict=True))
    assert (counts["Scheduled"], counts["Completed"], counts["Failed"]) == ("20", "17", "3")
    assert counts["Unaccounted for"] == "0"
    assert counts["Statuses"] == "200 × 17, 503 × 2"  # noqa: RUF001
    assert tables["Error"][1][:2] == ["status", "2"]
    assert "503 Service Unavailable" in tables["Error"][1][2]
    phases = [row[:2] for row in tables["Side"][1:]]
    assert phases == [
        ["client", "connect"],
        ["client", "to the first byte"],
        ["client", "body"],
        ["server", "db"],
        ["server", "serialize"],
    ]
    assert ["CPU, of one core", "20.0 %"] in tables["Sign"]
    comparison = {row[0]: row for row in tables["Metric"]}
    assert comparison["p95"][1:3] == ["3.10 s*", units.duration(samples.missed_target().baseline[0].p95_s)]
    assert comparison["p95"][3].endswith("×")  # noqa: RUF001
    assert "10 s, 5 workers" in section.text
    assert ["open" in details.attributes for details in section.all("details")] == [True, False]
    good = page.one("section", id="scenario-websocket.connections")
    assert ["open" in details.attributes for details in good.all("details")] == [False, False]


def test_throttled_requests_are_counted_where_there_are_any() -> None:
    section = parse(html.render(samples.document(samples.throttled()))).one("section", id="scenario-sessions.filtered")
    counts = next(found.rows() for found in section.all("table") if "Scheduled" in found.rows()[0])
    assert dict(zip(*counts, strict=True)) | {"Completed": "60", "Throttled": "40", "Failed": "0"} == dict(
        zip(*counts, strict=True)
    )
    assert len(section.one("ul", class_="findings").all("li")) == 3
    good = parse(html.render(samples.document(samples.result("sessions.filtered"))))
    assert "hrottled" not in good.text


def test_the_slowest_requests_are_there_to_be_found_in_the_targets_logs() -> None:
    measured = samples.measured("dashboard.concurrent")
    lost = exemplar(9.0, due_s=75.25, status=0, request_id=None, traceparent=None)
    (first, *others) = measured[0].exemplars
    measured = [measured[0].model_copy(update={"exemplars": [lost, first, *others]})]
    page = parse(html.render(samples.document(samples.result("dashboard.concurrent", measurements=measured))))
    (folded,) = [found for found in page.all("details") if "slowest" in found.one("summary").text]
    assert "open" not in folded.attributes
    assert folded.one("summary").text == "The 11 slowest requests"
    rows = folded.one("table").rows()
    assert rows[1] == ["GET /stats", "02:01:15.250", "9.00 s", "no response", units.MISSING, units.MISSING]
    assert rows[2][2:] == [
        units.duration(first.response_s),
        "200",
        first.request_id,
        str(first.traceparent).split("-")[1],
    ]
    assert len(rows) == 12
    unnamed = samples.measured("dashboard.concurrent", exemplars=[exemplar(request_id=None)])
    page = parse(html.render(samples.document(samples.result("dashboard.concurrent", measurements=unnamed))))
    (folded,) = [found for found in page.all("details") if "slowest" in found.one("summary").text]
    assert folded.one("table").rows()[0][3:] == ["Status", "Trace id"]
    assert "X-Request-ID" in page.one("section", id="reading").text
    none = samples.measured("dashboard.concurrent", exemplars=[])
    assert "slowest" not in html.render(samples.document(samples.result("dashboard.concurrent", measurements=none)))


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({"sent_per_s": 500.0, "calibration": samples.CALIBRATION}, ["58,000/s", "500/s", "900 µs"]),
        ({"calibration": samples.CALIBRATION}, ["58,000/s", "900 µs"]),
        ({"sent_per_s": 500.0}, ["500/s"]),
        ({}, []),
    ],
)
def test_the_capacity_of_the_generator_is_stated_as_far_as_it_is_known(
    changes: dict[str, object], numbers: list[str]
) -> None:
    measured = samples.measured("dashboard.concurrent", health=health(**changes))
    page = parse(html.render(samples.document(samples.result("dashboard.concurrent", measurements=measured))))
    stated = html.capacity(measured[0].health)
    assert re.findall(r"[\d,]+(?:/s| µs)", stated) == numbers
    assert [caption for caption in page.all("caption") if " ".join(stated.split()) in caption.text]


def test_a_broken_conservation_law_is_shown() -> None:
    measured = samples.measured("dashboard.concurrent", scheduled=103)
    result = samples.result("dashboard.concurrent", Verdict.INVALID, measurements=measured)
    section = parse(html.render(samples.document(result))).one("section", id="scenario-dashboard.concurrent")
    assert section.one("strong").text


def test_parts_of_a_mixed_scenario_are_named() -> None:
    page = parse(html.render(samples.document(samples.part_missed())))
    section = page.one("section", id="scenario-mixed.concurrent")
    assert ", sessions: " in section.one("ul", class_="findings").text
    counts = next(found.rows() for found in section.all("table") if "Scheduled" in found.rows()[0])
    assert [row[0] for row in counts[1:]] == ["all", *samples.PARTS]
    sessions = next(row for row in page.one("table", class_="results").rows() if row[0] == "sessions")
    assert sessions[1] == "✗ FAIL"


def test_without_a_baseline_the_page_says_so() -> None:
    page = parse(html.render(samples.document(samples.result("dashboard.concurrent", baseline=False))))
    section = page.one("section", id="scenario-dashboard.concurrent")
    assert section.one("p", class_="empty").text
    assert "baseline" not in section.one("svg").text


def test_what_was_not_measured_says_why_and_shows_no_numbers() -> None:
    page = parse(
        html.render(samples.document(samples.not_measured(), scenarios=["websocket.broadcast", "gone.steady"]))
    )
    assert page.one("h1").text == "? INVALID"
    row = page.one("table", class_="results").rows()[1]
    assert row[2:] == [units.MISSING] * 8
    section = page.one("section", id="scenario-websocket.broadcast")
    assert "refuses connections" in section.one("ul", class_="findings").text
    assert section.one("p", class_="empty").text
    assert section.all("table") == []
    assert "gone.steady: " in page.one("section", id="results").one("ul", class_="findings").text


def test_a_saturated_generator_is_stated_and_nothing_compared() -> None:
    page = parse(html.render(samples.document(samples.saturated())))
    section = page.one("section", id="scenario-config_get.concurrent")
    (saturation,) = samples.saturated().measurements[0].health.saturation
    assert saturation_sentence(saturation) in section.text
    assert section.one("p", class_="empty").text
    assert page.one("table", class_="results").rows()[1][-1] == units.MISSING


def test_nothing_timed_and_nothing_planned_are_honest_pages() -> None:
    untimed = samples.measured("dashboard.concurrent", times_s=[], failed=5, error="refused", elapsed_s=0.0, server={})
    result = samples.result("dashboard.concurrent", Verdict.INVALID, measurements=untimed)
    page = parse(html.render(samples.document(result)))
    assert page.one("section", id="scenario-dashboard.concurrent").all("p", class_="empty")
    assert page.all("svg") == []
    empty = ResultsDocument(
        run=samples.document().run.model_copy(update={"scenarios": []}), verdict=Verdict.INVALID, scenarios=[]
    )
    assert parse(html.render(empty)).one("section", id="results").all("table") == []


def _hostile() -> ResultsDocument:
    measured = samples.measured(
        "dashboard.concurrent",
        failed=1,
        errors=[ErrorCount(code=ErrorCode.CUT, count=1, sample=EVIL)],
        statuses={EVIL: 1},
        server={EVIL: 0.1},
        exemplars=[exemplar(request=EVIL, request_id=EVIL, traceparent=f"00-{EVIL}")],
    )
    mixed = [
        measurement.model_copy(update={"part": measurement.part and f"{measurement.part}{EVIL}$x_1$"})
        for measurement in samples.measured("mixed.concurrent")
    ]
    return samples.document(
        samples.result(
            "dashboard.concurrent",
            Verdict.FAIL,
            *(
                text_finding(kind, EVIL, metric="p95_s", part=EVIL if kind == "note" else "", observed=3, limit=2)
                for kind in FindingKind
            ),
            measurements=measured,
        ),
        samples.result("mixed.concurrent", measurements=mixed, baseline=False).model_copy(
            update={"scenario": f"mixed.{EVIL}"}
        ),
        id=EVIL,
        target_url=f"http://{EVIL}",
        target_version=EVIL,
        trigger=EVIL,
        generator=EVIL,
    )


def test_everything_from_a_target_is_text_and_nothing_else() -> None:
    page = parse(html.render(_hostile(), data_docs=True))
    elements = list(page.everything())
    assert [element.tag for element in elements if element.tag in ("script", "img", "iframe", "object", "form")] == []
    assert [name for element in elements for name in element.attributes if name.startswith("on")] == []
    example = next(code for code in page.all("code") if "onerror" in code.text)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in example.text
    assert "{{ 7*7 }}" in example.text
    assert len(page.all("style")) == 1
    drawn = page.one("section", id=anchor(f"mixed.{EVIL}")).one("svg")
    assert "dashboard<script>al…" in drawn.text
    assert "dashboard<script>alert(1)</script>" in drawn.attributes["aria-label"]


def test_the_page_asks_nobody_for_anything(bad_page: str) -> None:
    page = parse(bad_page)
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for element in page.everything():
        for name in ("src", "href", "xlink:href", "data", "action"):
            value = element.attributes.get(name, "")
            assert re.match(r"(#|data:,|results\.json|summary\.md|data_docs/|$)", value), (element.tag, value)
    assert not re.search(r"url\((?!#)|@import", bad_page)


def test_links_lead_somewhere_and_no_id_is_there_twice(bad_page: str) -> None:
    page = parse(bad_page)
    ids = [element.attributes["id"] for element in page.everything() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.everything():
        for name in ("href", "xlink:href", "aria-labelledby"):
            target = element.attributes.get(name, "")
            if target.startswith("#") or name == "aria-labelledby":
                assert target == "" or target.removeprefix("#") in ids
        for clip in re.findall(r"url\(#([^)]+)\)", " ".join(element.attributes.values())):
            assert clip in ids


def test_data_docs_are_linked_only_where_they_are() -> None:
    def links(data_docs: bool) -> list[str]:
        page = parse(html.render(samples.document(), data_docs=data_docs))
        found = [link.attributes["href"] for link in page.one("nav").all("a")]
        return [link for link in found if not link.startswith("#")]

    assert links(False) == ["results.json", "summary.md"]
    assert links(True) == ["results.json", "summary.md", "data_docs/index.html"]


def test_the_page_can_be_walked_without_seeing_it(bad_page: str) -> None:
    page = parse(bad_page)
    assert page.one("html").attributes["lang"] == "en"
    for landmark in ("main", "nav"):
        page.one(landmark)
    headings = [int(element.tag[1]) for element in page.everything() if re.fullmatch(r"h[1-6]", element.tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    for found in page.all("table"):
        assert all(head.attributes.get("scope") in ("col", "row", "rowgroup") for head in found.all("th"))
    for svg in page.all("svg"):
        assert svg.attributes["role"] == "img"
        assert re.search(r"median .+ p95 .+ max ", svg.attributes["aria-label"])


def test_a_run_of_34_scenarios_is_smaller_than_a_megabyte(bad_page: str) -> None:
    assert len(bad_page.encode()) / len(samples.bad_run().scenarios) * 34 < 1_000_000


def test_a_browser_shows_the_whole_page_without_a_complaint(
    bad_page: str, browse: Callable[[Path], str], tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(bad_page, encoding="utf-8")
    seen = browse(page)
    assert seen.count("<svg") == 8
    assert ">websocket.broadcast</h2>" in seen
    assert "✗</span> FAIL</h1>" in seen
    hostile = tmp_path / "hostile.html"
    hostile.write_text(html.render(_hostile()), encoding="utf-8")
    assert "<script" not in browse(hostile)


def test_a_table_that_is_wider_than_a_phone_scrolls_and_not_the_page(bad_page: str) -> None:
    page = parse(bad_page)
    scrolled = [table for place in page.all("div", class_="scroll") for table in place.all("table")]
    assert len(scrolled) == len(page.all("table")) > 5
