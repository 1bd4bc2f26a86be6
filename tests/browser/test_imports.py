"""Import of a CSV file with broken rows: upload, columns, preview, run, result, download of the refused rows."""

import csv
import io

import pytest
from playwright.sync_api import expect

from core.security.roles import Role
from crm.customers.models import Customer
from crm.imports.models import ImportRun
from crm.imports.tasks import run_import

pytestmark = pytest.mark.browser

FILE = """Kunde,Telefon,Geburtstag,E-Mail
赵子龙,13911110001,1990-02-03,zhao@example.com
钱多多,13911110002,30.02.1990,
孙仲谋,12,1991-05-06,
李太白,13911110004,,li@example
周公瑾,13911110005,1989-12-24,zhou@example.com
"""


def test_from_the_upload_to_the_refused_rows(signed_in):
    page = signed_in(Role.ADMINISTRATOR)
    page.goto("/imports/")
    page.get_by_role("link", name="Import a file").first.click()
    page.get_by_label("What is in the file").select_option("customers")
    page.get_by_label("Source").fill("front-desk")
    page.get_by_label("CSV file").set_input_files(
        {"name": "kunden.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    page.get_by_role("button", name="Upload and preview").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("kunden.csv")
    page.get_by_label("Name", exact=True).select_option("Kunde")
    page.get_by_label("Phone").select_option("Telefon")
    page.get_by_label("E-mail").select_option("E-Mail")
    page.get_by_label("Birthday").select_option("Geburtstag")
    page.get_by_role("button", name="Preview again").click()
    expect(page.get_by_text("2 to import, 0 unchanged, 3 refused")).to_be_visible()
    rows = page.get_by_role("region", name="Preview").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Good")
    expect(rows.nth(1)).to_contain_text("Refused")
    expect(rows.nth(1)).to_contain_text("Birthday")
    expect(rows.nth(2)).to_contain_text("Phone")
    expect(rows.nth(3)).to_contain_text("E-mail")
    assert not Customer.objects.filter(name="赵子龙").exists()

    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("Waiting for a worker.")).to_be_visible()
    run = ImportRun.objects.latest("id")
    run_import.apply((run.pk,), throw=True)
    # The page polls every second and shows the result itself.
    expect(page.get_by_role("heading", name="Why rows were refused")).to_be_visible()
    figures = dict(
        zip(page.locator(".stat-label").all_inner_texts(), page.locator(".stat-value").all_inner_texts(), strict=True)
    )
    assert figures == {"Read": "5", "Imported": "2", "Unchanged": "0", "Refused": "3", "Skipped": "0"}
    assert set(Customer.objects.filter(source__contains="front-desk").values_list("name", flat=True)) == {
        "赵子龙",
        "周公瑾",
    }
    assert Customer.objects.filter(name__in=["赵子龙", "钱多多", "孙仲谋", "李太白", "周公瑾"]).count() == 2

    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download refused rows").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    refused = list(csv.DictReader(io.StringIO(text)))
    assert [(row["row"], row["field"], row["Kunde"], row["Telefon"]) for row in refused] == [
        ("3", "birthday", "钱多多", "13911110002"),
        ("4", "phone", "孙仲谋", "12"),
        ("5", "email", "李太白", "13911110004"),
    ]
    assert all(row["reason"] for row in refused)

    page.get_by_role("link", name="Refused rows", exact=True).click()
    expect(page.locator("[data-row]")).to_have_count(3)


def test_a_file_that_is_no_table_is_refused_at_the_door(signed_in):
    page = signed_in(Role.ADMINISTRATOR)
    page.goto("/imports/new/")
    page.get_by_label("What is in the file").select_option("orders")
    page.get_by_label("Source").fill("shop")
    page.get_by_label("CSV file").set_input_files({"name": "empty.csv", "mimeType": "text/csv", "buffer": b"\n"})
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.locator(".field-error, .notice-bad").first).to_be_visible()
    assert not ImportRun.objects.filter(file_name="empty.csv").exists()
