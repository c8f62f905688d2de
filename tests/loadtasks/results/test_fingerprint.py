"""What makes two measurements comparable."""

from loadtasks.results.fingerprint import Difference, Fingerprint, FingerprintField
from tests.measurements import measurement, run


def of(url: str, service: str | None = None) -> Fingerprint:
    named = {} if service is None else {"service": service}
    return Fingerprint.of(run(target_url=url, **named), measurement())


def test_a_service_is_the_same_wherever_it_listens() -> None:
    assert of("http://127.0.0.1:40001", "shop").first_difference(of("https://shop.example/v2", "shop")) is None


def test_without_a_name_another_address_is_another_service() -> None:
    assert of("http://127.0.0.1:40001").first_difference(of("http://127.0.0.1:40002")) == Difference(
        field=FingerprintField.SERVICE, now="127.0.0.1:40001", before="127.0.0.1:40002"
    )


def test_one_address_under_two_names_is_two_services() -> None:
    assert of("http://127.0.0.1:8000", "shop").first_difference(of("http://127.0.0.1:8000", "stock")) is not None


def test_a_difference_of_addresses_in_what_earlier_versions_kept_is_one_of_services() -> None:
    stored = {"field": "target", "now": "http://a", "before": "http://b"}
    assert Difference.model_validate(stored).field is FingerprintField.SERVICE
