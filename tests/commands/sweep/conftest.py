"""Data of the official form."""

import io
import tarfile

import pytest

NAMES = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"


@pytest.fixture
def archives(tmp_path):
    """A folder with a small archive of the official form but of another checksum."""
    folder = tmp_path / "archives"
    folder.mkdir()
    files = {"batches.meta.txt": NAMES}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        files[f"{name}.bin"] = b"".join(bytes([n % 10]) + bytes([n]) * 3072 for n in range(20))
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return folder
