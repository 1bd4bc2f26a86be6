"""Malicious files: gzip bombs, unclosed quotes, archives, and rows that are exported and imported again."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role
from crm.customers.models import Customer
from crm.imports.models import ImportRun, ImportState
from crm.imports.services import running as imports
from crm.imports.services.refusals import open_row, refused_csv
from crm.orders.models import Product

pytestmark = pytest.mark.django_db
HEAD = "sku,name,price\r\n"


def test_an_unclosed_quote_refuses_its_row_and_no_other(bring, refusals, counts):
    run = bring("products", HEAD + 'A,Tea,1\r\nB,"Broken,2\r\nC,"Cup, blue",3\r\nD,"two\r\nlines",4\r\n')
    assert counts(run) == (4, 3, 0, 1)
    assert refusals(run) == [(3, "", "unclosed_quote")]
    assert dict(Product.objects.values_list("sku", "name")) == {"A": "Tea", "C": "Cup, blue", "D": "two\r\nlines"}
    assert open_row(run.refusals.get()) == ["B", '"Broken', "2"]


def test_the_refused_line_of_an_order_takes_the_rest_of_the_order_with_it(bring, refusals):
    head = "order number,placed at,sku,product name,quantity,unit price\r\n"
    lines = 'N1,2026-01-01 10:00,A,Tea,1,5\r\nN1,2026-01-01 10:00,B,"Pot,1,5\r\nN2,2026-01-01 10:00,A,Tea,1,5\r\n'
    run = bring("orders", head + lines)
    assert [(row, code) for row, _field, code in refusals(run)] == [
        (2, "order_has_refused_rows"),
        (3, "unclosed_quote"),
    ]


def test_refused_rows_keep_line_breaks_and_gain_no_apostrophe_after_repeated_round_trips(bring, store, tmp_path: Path):
    cells = ["A", "=1+1", "'=2", "+x", "line\r\nbreak \u2028 and \x0b more"]
    from core.text.spreadsheets import csv_line, restored

    head = ["sku", "name", "category", "brand", "price"]
    text = csv_line(head) + csv_line(cells)
    for _round in range(3):
        run = bring("products", text)
        refusal = run.refusals.get()
        assert (refusal.code, open_row(refusal)[-5:]) == ("not_a_number", cells)
        text = "".join(refused_csv(run)).removeprefix("\ufeff")
    # when the price is corrected, the product has the values of the first file
    run = bring("products", text.replace('"line\r\nbreak \u2028 and \x0b more"', "5"))
    assert run.accepted_count == 1
    product = Product.objects.get()
    assert (product.name, product.category, product.brand) == ("=1+1", "'=2", "+x")
    assert restored("'=1+1") == "=1+1"


def bomb(megabytes: int) -> bytes:
    return gzip.compress(HEAD.encode() + b"0" * (megabytes * 1024 * 1024))


def test_a_gzip_bomb_is_refused_with_its_upload_removed(client, staff, store):
    client.force_login(staff(Role.ADMINISTRATOR))
    file = SimpleUploadedFile("bomb.csv.gz", bomb(140))
    answer = client.post(reverse("import_new"), {"kind": "products", "source": "shop", "file": file})
    assert answer.status_code == 200
    assert "times its size" in answer.content.decode()
    assert not ImportRun.objects.exists()
    assert not list((Path(settings.MEDIA_ROOT) / "imports").glob("*"))


def test_a_bomb_behind_a_good_start_fails_the_run_and_leaves_nothing(store, settings, tmp_path):
    settings.IMPORT_UNPACKED_LIMIT = 300_000
    settings.MEDIA_ROOT = str(tmp_path)
    rows = "".join(f"A{number},Tea,1\r\n" for number in range(40_000))
    content = gzip.compress((HEAD + "é,Tee,1\r\n" + rows).encode())
    path = imports.keep_upload(SimpleUploadedFile("x.gz", content))
    run = imports.create_import(kind="products", source="shop", path=path, actor=SYSTEM)
    with pytest.raises(Invalid) as refused:
        imports.run_import(run=run)
    run.refresh_from_db()
    assert (refused.value.code, run.state, run.path) == ("unpacks_too_large", ImportState.FAILED, "")
    assert "0 MB" in run.error or "times its size" in run.error
    assert (Product.objects.count(), Customer.objects.count(), Path(path).exists()) == (0, 0, False)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf"])
def test_an_archive_is_refused_with_a_message(start, store, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(start + b"rest" * 100)
    with pytest.raises(Invalid) as refused:
        imports.create_import(kind="products", source="shop", path=str(path), actor=SYSTEM)
    assert refused.value.code == "not_csv"


@pytest.mark.parametrize("inside", [gzip.compress(HEAD.encode()), b"PK\x03\x04" + b"rest" * 100], ids=["gzip", "zip"])
def test_an_archive_inside_a_packed_file_is_refused_too(inside, store, tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(inside))
    with pytest.raises(Invalid) as refused:
        imports.create_import(kind="products", source="shop", path=str(path), actor=SYSTEM)
    assert (refused.value.code, ImportRun.objects.count()) == ("not_csv", 0)
