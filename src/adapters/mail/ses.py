"""Amazon SES, over its Query API (SendEmail)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode, urlsplit

import attrs
import httpx

from adapters.mail.letters import Carrier, Letter
from clinic_domain.notifications.ports import MailNotTaken

_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@attrs.frozen
class Credentials:
    """Who sends, to Amazon."""

    access_key_id: str
    secret_access_key: str = attrs.field(repr=False)
    session_token: str = attrs.field(default="", repr=False)


@attrs.frozen
class SesCarrier(Carrier):
    """
    A request per letter, signed (Signature Version 4).

    Args:
        client: makes the requests.
        region: whose SES it is.
        endpoint: another address than that of the region.
        credentials: without them only an *endpoint* of one's own is asked, unsigned.
    """

    _client: httpx.AsyncClient
    _region: str
    _endpoint: str | None = None
    _credentials: Credentials | None = None

    async def carry(self, letter: Letter) -> None:
        if self._credentials is None and not self._endpoint:
            raise MailNotTaken("there are no credentials for SES")
        url = self._endpoint or f"https://email.{self._region}.amazonaws.com/"
        body = urlencode(_form(letter)).encode()
        headers = {"content-type": _FORM}
        if self._credentials:
            now = datetime.now(UTC)
            headers |= signature(
                self._credentials, self._region, url, headers=headers, body=body, now=now
            )
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MailNotTaken(type(error).__name__) from None
        if not answer.is_success:
            # Not the text, which may repeat an address.
            raise MailNotTaken(f"status {answer.status_code}")


def _form(letter: Letter) -> dict[str, str]:
    numbered = enumerate(letter.recipients, 1)
    to = {f"Destination.ToAddresses.member.{number}": each for number, each in numbered}
    texts = {"Subject": letter.subject, "Body.Html": letter.html, "Body.Text": letter.text}
    form = {"Action": "SendEmail", "Version": "2010-12-01", "Source": letter.sender, **to}
    for name, text in texts.items():
        form |= {f"Message.{name}.Data": text, f"Message.{name}.Charset": "UTF-8"}
    return form


def signature(
    credentials: Credentials,
    region: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> dict[str, str]:
    """Return the headers that sign a POST to SES."""
    parts = urlsplit(url)
    time, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    added = {"x-amz-date": time}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    signed = dict(sorted({**headers, **added, "host": parts.netloc}.items()))
    names = ";".join(signed)
    request = "\n".join(
        (
            "POST",
            parts.path or "/",
            "",
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{day}/{region}/ses/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
    code = hmac.new(key, text.encode(), "sha256").hexdigest()
    credential = f"Credential={credentials.access_key_id}/{scope}"
    authorization = f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={code}"
    return {**added, "authorization": authorization}
