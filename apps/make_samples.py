"""Make the sample documents that are not written by hand: the PDF manual and the DOCX minutes.

    python apps/make_samples.py

It stands beside apps/samples/, not in it, so that its text is not indexed with the documents. The output is
the same on every run and machine. Needs the extra ``dev`` (reportlab).
"""

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path

import docx
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

SAMPLES = Path(__file__).resolve().parent / "samples"

# (heading level, text) pairs, "- item" lines and tables (tuples of rows); None starts a page.
Part = tuple[int, str] | str | tuple[tuple[str, ...], ...] | None

MANUAL: tuple[Part, ...] = (
    (1, "SLM-210 User Manual"),
    "Sound level meter class 1. Edition 5 of February 2024, for firmware 2.2 and later.",
    (2, "1 Safety"),
    "Read this manual before you use the SLM-210. Charge the SLM-210 only with the charger CH-5 that comes with it. "
    "Do not open the housing. Do not use the SLM-210 in areas where gases may explode. Do not touch the membrane of "
    "the microphone capsule, because a touched membrane is not covered by the warranty.",
    (2, "2 What is in the box"),
    "- SLM-210 with microphone capsule MIC-21",
    "- Wind screen of 90 mm",
    "- Charger CH-5 and USB cable of 1.8 m",
    "- Memory card of 32 GB",
    "- Case and certificate of calibration",
    (2, "3 Charging the battery"),
    "The SLM-210 has a lithium-ion battery, the BAT-210. A full battery lasts 22 hours, or 17 hours when Bluetooth "
    "is switched on. Charging takes 3.5 hours. The battery may be charged at temperatures from 5 °C to 40 °C. "
    "Replace the battery when it lasts less than 12 hours. Store the SLM-210 with the battery half charged if you "
    "do not use it for more than a month.",
    None,
    (2, "4 First measurement"),
    "Press the power key for two seconds. The SLM-210 is ready after 20 seconds. Check it with an acoustic "
    "calibrator before each measurement. With the calibrator set to 94 dB, the SLM-210 must show 93.9 dB. If the "
    "reading differs by more than 0.3 dB, choose Menu, Calibration and confirm with OK.",
    "Hold the SLM-210 at arm's length, or put it on a tripod 1.5 metres above the ground. Point the microphone at "
    "the source of the sound. Use the wind screen outdoors. Do not measure at wind speeds above 5 metres per "
    "second.",
    (2, "5 Weightings"),
    "The SLM-210 measures with the frequency weightings A, C and Z. Weighting A is used for noise at work and in "
    "the environment. Weighting C is used for peak levels. The time weighting Fast has a time constant of 125 "
    "milliseconds and the time weighting Slow has a time constant of one second.",
    (2, "6 Long measurements"),
    "Insert a memory card before a measurement that takes longer than one hour. The SLM-210 stores one value per "
    "second, which needs 210 MB a day. Connect the charger for measurements longer than 20 hours. Hold the power "
    "key for five seconds to lock the keypad. The keypad is unlocked in the same way.",
    (2, "7 Bluetooth"),
    "Choose Menu, Connections, Bluetooth and switch Bluetooth on. Open the app Halden View and choose the serial "
    "number of the instrument. The pairing code is 2100. The range is about 15 metres indoors and 40 metres "
    "outdoors.",
    None,
    (2, "8 Messages"),
    (
        ("Message", "Meaning", "What to do"),
        ("E03", "Battery too cold or too hot", "Let the instrument rest for 30 minutes"),
        ("E07", "Microphone capsule loose", "Tighten the capsule by hand"),
        ("E12", "Memory card is locked", "Slide the lock of the card"),
        ("E21", "Calibration overdue", "Send the instrument to Halden"),
        ("OVER", "Level above the range", "Move away from the source"),
    ),
    (2, "9 Care"),
    "Wipe the housing with a dry cloth. Do not use alcohol. Replace the wind screen every two years. The SLM-210 "
    "should be calibrated at the factory every 12 months. The message E21 appears 30 days after the due date.",
    None,
    (2, "10 Technical data"),
    "The technical data are valid for a temperature of 23 °C and a relative humidity of 50 percent.",
    (
        ("Property", "SLM-210"),
        ("Class (IEC 61672-1)", "1"),
        ("Measuring range", "22 dB to 140 dB"),
        ("Frequency range", "10 Hz to 20 kHz"),
        ("Resolution", "0.1 dB"),
        ("Operating temperature", "-10 °C to +50 °C"),
        ("Weight with battery", "345 g"),
        ("Dimensions", "285 mm x 78 mm x 36 mm"),
        ("Display", "3.2 inches, 320 x 480 pixels"),
        ("Memory card", "up to 256 GB"),
    ),
    "The SLM-210 must not be confused with the SLM-200. The SLM-200 is a class 2 instrument with a measuring range "
    "from 30 dB to 130 dB, a frequency range from 31.5 Hz to 8 kHz and a weight of 310 g.",
    (2, "11 Disposal"),
    "The SLM-210 must not be thrown into household waste. Halden Instruments takes back old instruments free of "
    "charge.",
)

MINUTES_FEBRUARY: tuple[Part, ...] = (
    (1, "Management meeting of 12 February 2024"),
    "Place: Quay Road 12, Halden, room Fjord. Time: 9:00 to 11:15. Minutes: Ingrid Solberg.",
    "Present: Marit Aune (managing director), Tomas Berg (production), Jonas Eide (calibration laboratory), Liv "
    "Strand (customer service), Ingrid Solberg (personnel). Absent: Henrik Foss (development).",
    (2, "1 New warranty terms"),
    "Liv Strand presented the new warranty terms. The warranty on sound level meters is raised from 24 to 36 "
    "months. The meeting approved the new terms from 1 March 2024. Customer service expects additional costs of "
    "45,000 euros a year.",
    (2, "2 Prices for 2024"),
    "The price of the SLM-210 was raised from 1,480 to 1,590 euros because the microphone capsules have become more "
    "expensive. The next change of prices is planned for January 2025.",
    (2, "3 Start of the VM-40"),
    "The VM-40 is behind its plan. In January 120 pieces were to be built and 85 were built. The reason was a late "
    "delivery of the plugs for the sensor. Tomas Berg expects the planned 150 pieces a month from April 2024.",
    (2, "4 Calibration laboratory"),
    "Jonas Eide reported that the accreditation will be renewed in June 2024. A second test chamber is needed. It "
    "costs 210,000 euros. The decision was postponed to the meeting in September.",
    (2, "5 Tasks"),
    (
        ("Task", "Who", "Until"),
        ("Publish the warranty terms", "Liv Strand", "1 March 2024"),
        ("Second supplier for the plugs", "Tomas Berg", "30 April 2024"),
        ("Quotes for the test chamber", "Jonas Eide", "31 August 2024"),
        ("New edition of the handbook", "Ingrid Solberg", "1 June 2024"),
    ),
)

MINUTES_SEPTEMBER: tuple[Part, ...] = (
    (1, "Management meeting of 16 September 2024"),
    "Place: Quay Road 12, Halden, room Fjord. Time: 9:00 to 12:00. Minutes: Ingrid Solberg.",
    "Present: Marit Aune (managing director), Tomas Berg (production), Jonas Eide (calibration laboratory), Liv "
    "Strand (customer service), Henrik Foss (development), Ingrid Solberg (personnel).",
    (2, "1 Second test chamber"),
    "Jonas Eide presented three quotes for the second test chamber. The meeting chose the quote of Nordakustikk for "
    "198,000 euros. The second test chamber is to be ready on 15 March 2025.",
    (2, "2 Warranty costs"),
    "Liv Strand reported that the new warranty terms cost 21,000 euros from March to August 2024. That is less than "
    "expected. Most claims concern microphone capsules. The share of SLM-210 that were sent in fell from 2.9 to 1.8 "
    "percent.",
    (2, "3 Production"),
    "The VM-40 has reached 155 pieces a month since May 2024. The SLM-200 is built in lots of 400 pieces. The "
    "SLM-210 has a delivery time of 2 weeks, which will rise to 4 weeks in November.",
    (2, "4 Development"),
    "Henrik Foss reported that firmware 2.4 of the SLM-210 was published on 9 September 2024. Work on a new "
    "calibrator with 250 Hz has begun. No date was set for it.",
    (2, "5 Decisions"),
    "- The office in Hamburg gets a sixth employee from 1 January 2025.",
    "- The rent of an SLM-210 stays at 95 euros a week.",
    "- The summer party takes place on 13 June 2025.",
    "- The next meeting is on 10 February 2025.",
)


def _flowable(part: Part, styles: dict[str, ParagraphStyle]) -> Flowable:
    if part is None:
        return PageBreak()
    if isinstance(part, str):
        return Paragraph(part.replace("- ", "• ", 1) if part.startswith("- ") else part, styles["BodyText"])
    if isinstance(part[0], int):
        return Paragraph(str(part[1]), styles[f"Heading{part[0]}"])
    table = Table([list(row) for row in part], hAlign="LEFT", spaceBefore=6, spaceAfter=6)
    table.setStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("FONT", (0, 0), (-1, 0), "Helvetica-Bold")])
    return table


def make_manual(path: Path) -> None:
    """A PDF of several pages."""
    styles = getSampleStyleSheet()
    styles["BodyText"].fontSize, styles["BodyText"].leading = 11, 14
    template = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        invariant=1,
        title="SLM-210 User Manual",
        author="Halden Instruments",
        lang="en",
    )
    template.build([item for part in MANUAL for item in (_flowable(part, styles), Spacer(1, 2))])


def make_minutes(path: Path, parts: tuple[Part, ...], *, date: datetime.datetime) -> None:
    """A DOCX with headings, lists and tables."""
    word = docx.Document()
    properties = word.core_properties
    properties.author = properties.last_modified_by = "Ingrid Solberg"
    properties.created = properties.modified = date
    properties.comments = ""
    for part in parts:
        if part is None:
            word.add_page_break()
        elif isinstance(part, str):
            word.add_paragraph(part.removeprefix("- "), style="List Bullet" if part.startswith("- ") else None)
        elif isinstance(part[0], int):
            if part[0] == 1:
                properties.title = str(part[1])
            word.add_heading(str(part[1]), level=part[0])
        else:
            table = word.add_table(rows=0, cols=len(part[0]), style="Table Grid")
            for row in part:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = str(text)
    buffer = io.BytesIO()
    word.save(buffer)
    path.write_bytes(_with_fixed_times(buffer.getvalue()))


def _with_fixed_times(data: bytes) -> bytes:
    """The archive without the time of its making, which would differ on every run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(name))
    return buffer.getvalue()


def make_all(folder: Path) -> None:
    """Write the three files into ``folder``."""
    make_manual(folder / "slm-210-manual.pdf")
    make_minutes(folder / "minutes-2024-02-12.docx", MINUTES_FEBRUARY, date=datetime.datetime(2024, 2, 12, 14, 0))
    make_minutes(folder / "minutes-2024-09-16.docx", MINUTES_SEPTEMBER, date=datetime.datetime(2024, 9, 16, 15, 0))


if __name__ == "__main__":
    make_all(SAMPLES)
