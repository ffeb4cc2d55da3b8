"""Currencies and the rounding of amounts. Source of the codes and minor units: ISO 4217, lists one and three."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

# Products of numbers with 15 digits before and 6 after the point, summed over any number of lines, must stay exact.
EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)

_NO_MINOR_UNIT = (
    "ADP BEF BIF BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF PTE PYG RWF TRL UGX UYI VND VUV XAF XOF XPF"
)
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_PLACES = "CLF UYW"
_TWO_PLACES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG XSU "
    "YER ZAR ZMW ZWG ZWL"
)
_WITHDRAWN_TWO_PLACES = "ATS CSD CYP DEM EEK FIM FRF GHC IEP LTL LVL MRO MTL NLG ROL SIT SKK STD VEB VEF XEU YUM ZMK"
_UNITS_OF_ACCOUNT = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XTS XUA XXX"

MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_NO_MINOR_UNIT.split(), 0),
    **dict.fromkeys(_TWO_PLACES.split(), 2),
    **dict.fromkeys(_WITHDRAWN_TWO_PLACES.split(), 2),
    **dict.fromkeys(_UNITS_OF_ACCOUNT.split(), 2),
    **dict.fromkeys(_THREE_PLACES.split(), 3),
    **dict.fromkeys(_FOUR_PLACES.split(), 4),
}
"""Currency code to its number of decimal places; 2 for units to which the standard gives none."""

_QUANTA = {code: Decimal(1).scaleb(-places) for code, places in MINOR_UNITS.items()}


def order_value(lines: Iterable[tuple[Decimal, Decimal]], currency: str) -> Decimal:
    """The sum of quantity times unit price, computed exactly and rounded once, half-even, to the minor unit."""
    total = Decimal(0)
    for quantity, unit_price in lines:
        total = EXACT.fma(quantity, unit_price, total)
    return rounded(total, currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An exact amount rounded once, half-even, to the currency's minor unit."""
    return EXACT.quantize(amount, _QUANTA[currency])
