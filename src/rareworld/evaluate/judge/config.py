"""Where the judge is and how it is asked."""

import ipaddress
from typing import Literal, final
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from rareworld.data.config import Config
from rareworld.errors import ConfigError


@final
class JudgeConfig(Config):
    """An OpenAI-compatible endpoint for a vision language model."""

    base_url: str
    """Base address, e.g. http://127.0.0.1:8000/v1."""
    model: str
    """Model name the endpoint knows."""
    key_variable: str = "RAREWORLD_JUDGE_KEY"
    """Environment variable that holds the key; none is sent where it is not set."""
    question: Literal["plausibility", "anomaly"] = "plausibility"
    """`plausibility`: 1 (impossible) to 5 (as filmed), with a reason. `anomaly`: Yes or No."""
    send: Literal["frames", "video"] = "frames"
    """Pictures as base64 JPEG, which every vision endpoint takes, or one base64 MP4 as `video_url`,
    which vLLM and SGLang take."""
    max_frames: int = Field(default=16, ge=1)
    """Pictures sent of a clip at most, evenly spread."""
    jpeg_quality: int = Field(default=4, ge=1, le=31)
    """Quantiser of the JPEG encoder: 1 is best, 31 worst."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Longest wait for one answer."""
    attempts: int = Field(default=3, ge=1)
    """Requests per clip before it is set aside; waits between them double from one second."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature of the language model."""
    max_tokens: int = Field(default=1024, ge=1)
    """Longest answer."""
    seed: int = 0
    """Seed sent with every request, and of the bootstrap."""
    input_price: float = Field(default=0.0, ge=0)
    """Price of a million tokens sent; 0 for a model of one's own."""
    output_price: float = Field(default=0.0, ge=0)
    """Price of a million tokens answered."""
    allow_http: bool = False
    """Allow unencrypted HTTP to another machine."""

    def address(self) -> SplitResult:
        """Return the checked address.

        Raises:
            ConfigError: If it is neither https nor loopback, or holds a name, password, query or
                fragment, which could be a secret and would stand in reports.
        """
        try:
            parts = urlsplit(self.base_url)
            secret = parts.username or parts.password or parts.query or parts.fragment
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(
                f"judge: base_url is no address ({error}); expected http(s)://host[:port]/v1"
            ) from None
        if secret:
            raise ConfigError(
                "judge: base_url holds a name, password, query or fragment (not shown); put the "
                f"key into {self.key_variable}"
            )
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError(
                f"judge: expected http(s)://host[:port]/v1, found {self.base_url!r}; correct it"
            )
        if parts.scheme == "http" and not (self.allow_http or is_loopback(host)):
            raise ConfigError(
                f"judge: {self.base_url} would send clips and key in the open; use https, a "
                "tunnel to loopback, or set allow_http"
            )
        return parts


def is_loopback(host: str) -> bool:
    """Return whether a host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
