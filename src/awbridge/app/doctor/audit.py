"""Check of the archive."""

from __future__ import annotations

from awbridge.app.connections import archive_objects, archive_place
from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.domain.errors import MissingPart, SettingsError
from awbridge.steps.audit.try_archive import ArchiveTrial, try_archive

LONGEST_TRY = 10.0  # seconds that the archive may take to answer
_SHARED = "set AWBRIDGE_ARCHIVE_URL to s3://bucket/prefix (docs/how-to/operate/evidence.md)"


async def check_archive(context: CheckContext) -> list[Diagnosis]:
    settings = context.settings
    if not settings.archives:
        text = "disabled: failed calls are deleted after AWBRIDGE_RETAIN_ATTEMPTS_DAYS without being archived"
        return [Diagnosis("archive", WARNING, text, f"{_SHARED}, or leave it empty to archive in a folder")]
    do = "correct AWBRIDGE_ARCHIVE_URL, AWBRIDGE_ARCHIVE_OPTIONS or its permissions; failed calls are kept until then"
    try:
        objects = archive_objects(settings, timeout=min(settings.archive_timeout, LONGEST_TRY))
    except MissingPart:
        raise
    except SettingsError as error:
        return [Diagnosis("archive", PROBLEM, str(error), do)]
    assert objects
    response = await try_archive(objects)
    if response.problem:
        return [Diagnosis("archive", PROBLEM, response.problem, do)]
    if response.not_removed:
        return [_not_removed(response, needed=settings.retain_archive_days > 0)]
    if not settings.archive_url:
        text = f"writable, but on this machine only: {archive_place(settings)}"
        return [Diagnosis("archive", WARNING, text, f"{_SHARED}: other machines cannot read it, and the disk may fail")]
    return [Diagnosis("archive", OK, "can be written, read and deleted from")]


def _not_removed(trial: ArchiveTrial, *, needed: bool) -> Diagnosis:
    level = PROBLEM if needed else WARNING
    if trial.not_removed.startswith("get: "):
        text = f"can be written and read, but not whether {trial.key} was deleted ({trial.not_removed})"
        do = "allow listing (s3:ListBucket): without it S3 answers 403 for an object that does not exist"
        return Diagnosis("archive", level, text, do)
    text = f"can be written and read, but {trial.key} was not deleted ({trial.not_removed})"
    users = "AWBRIDGE_RETAIN_ARCHIVE_DAYS needs" if needed else "awbridge archive empty and awbridge erase need"
    return Diagnosis("archive", level, text, f"allow deleting: {users} it")
