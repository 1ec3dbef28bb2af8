"""What URLs mean, and what is said of those that mean nothing."""

from pathlib import Path

import pytest

from adapters.sql import UnusableUrl, create_engine, open_storage
from clinic_domain.testing.examples import a_clinic


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
async def test_a_file_keeps_what_is_stored(scheme: str, tmp_path: Path) -> None:
    clinic = a_clinic()
    url = f"{scheme}:///{tmp_path}/a file.db"
    storage = await open_storage(url)
    await storage.transaction(lambda tx: tx.clinics.add(clinic))
    await storage.close()

    storage = await open_storage(url)

    assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic
    await storage.close()


async def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    await (await open_storage("sqlite:///clinic.db")).close()

    assert (tmp_path / "clinic.db").is_file()


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://"])
async def test_memory_holds_until_the_storage_is_closed(url: str) -> None:
    clinic = a_clinic()
    storage, other = await open_storage(url), await open_storage(url)

    await storage.transaction(lambda tx: tx.clinics.add(clinic))

    assert await storage.read(lambda tx: tx.clinics.find(clinic.id)) == clinic
    assert await other.read(lambda tx: tx.clinics.find(clinic.id)) is None
    await storage.close()
    await other.close()


@pytest.mark.parametrize(
    ("url", "synchronous"),
    [("", 2), ("?synchronous=FULL", 2), ("?synchronous=normal", 1)],
)
async def test_a_commit_is_synced_unless_the_url_says_otherwise(
    url: str, synchronous: int, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/clinic.db{url}")
    async with engine.connect() as connection:
        found = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
    await engine.dispose()

    assert found == synchronous


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("clinic.db", "this is no address like sqlite:///clinic.db"),
        ("postgresql://localhost:none/clinic", "this is no address like sqlite:///clinic.db"),
        ("mysql://localhost/clinic", "no databases of the kind 'mysql' are supported"),
        ("sqlite:///{path}/no/clinic.db", "there is no folder {path}/no"),
        ("sqlite:///{path}", "it is a folder"),
        ("sqlite:///{path}/clinic.db?synchronous=maybe", "synchronous=MAYBE is none of"),
    ],
)
def test_an_unusable_url_is_refused_with_the_reason(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableUrl) as refusal:
        create_engine(url.format(path=tmp_path))

    assert message.format(path=tmp_path) in str(refusal.value)
