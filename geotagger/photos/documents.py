"""Tell screenshots, scans and downloads from photos; in doubt it is a photo."""

from __future__ import annotations

import re
from dataclasses import dataclass

from geotagger.photos.record import Kind

_SCREENSHOT = re.compile(
    r"screen[ _-]?shot|screen[ _-]?capture|scrnshot|bildschirmfoto|bildschirmaufnahme"
    r"|capture[ _-]d[’' _-]?[ée]cran|captura[ _-]de[ _-](?:pantalla|tela|ecr[ãa])"
    r"|pantallazo|istantanea[ _-]schermo|schermata|schermafbeelding|sk[äa]rm(?:avbild|bild)"
    r"|sk[æa]rmbillede|skjermbilde|n[äa]ytt[öo]kuva|kuvakaappaus|zrzut[ _-]ekranu"
    r"|sn[íi]mek[ _-]obrazovky|k[ée]perny[őo](?:fot[óo]|k[ée]p)|captur[ăa][ _-]de[ _-]ecran"
    r"|снимок[ _-]экрана|скриншот|знімок[ _-]екрана|στιγμι[όο]τυπο"
    r"|ekran[ _-](?:g[öo]r[üu]nt|resmi)"
    r"|スクリーンショット|截屏|截图|屏幕(?:截图|快照)|螢幕(?:截圖|快照|擷取)"
    r"|스크린샷|화면[ _-]?캡처",
    re.IGNORECASE,
)
_SCAN_NAME = re.compile(
    r"^(?:scan|scanned|scanbot|camscanner|adobe scan|office lens)(?:[ _-]|\d|$)"
    r"|^(?:doc|dok)[ _-]?scan",
    re.IGNORECASE,
)
_DOWNLOAD = re.compile(
    r"^(?:img|vid)-\d{8}-wa\d{4}|^whatsapp image |^fb_img_\d+|^received_\d{6,}|^mmexport\d{10,}"
    r"|^wx_camera_\d+|^signal-\d{4}-\d\d-\d\d|^photo_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d"
    r"|^telegram|^snapchat-\d+|^line_\d{8,}|^viber_image|^images?(?: ?\(\d+\))?\.\w+$"
    r"|^unnamed(?: ?\(\d+\))?\.\w+$|^download(?: ?\(\d+\))?\.\w+$|^giphy|^meme",
    re.IGNORECASE,
)
# Makers of scanners that also make cameras are told apart by the model: "GT-X970" is a scanner of
# Epson, "GT-I9000" a telephone of Samsung.
_SCANNER = re.compile(
    r"^(?:plustek|microtek|mustek|umax|visioneer|avision|pacific image|reflecta|scanner)\b"
    r"|^(?:seiko )?epson.*(?:perfection|expression|fastfoto|scan|\b(?:gt|ds|es|wf|et|xp)-)"
    r"|^canon .*(?:canoscan|\blide\b|imageformula|imagerunner|pixma|\bmg\d{4}|\bmf\d{3,}|scan)"
    r"|^(?:hp|hewlett).*(?:scan ?jet|officejet|laserjet|envy|deskjet|scan)"
    r"|^(?:fujitsu|pfu).*(?:scansnap|\bfi-\d)|^nikon.*(?:coolscan|\bls-\d{2,4})"
    r"|^brother\b|^xerox\b|^lexmark\b|^kyocera.*ecosys|^ricoh.*\bmp c?\d"
    r"|opticfilm|scansnap|canoscan|scan ?jet|film ?scanner|flatbed",
    re.IGNORECASE,
)
_SIDES = {
    (320, 480), (480, 800), (480, 854), (540, 960), (640, 960), (640, 1136), (720, 1280),
    (720, 1440), (720, 1480), (720, 1520), (720, 1544), (720, 1560), (720, 1600), (750, 1334),
    (768, 1024), (768, 1366), (800, 1280), (828, 1792), (900, 1440), (900, 1600), (1050, 1680),
    (1080, 1920), (1080, 2160), (1080, 2220), (1080, 2240), (1080, 2280), (1080, 2312),
    (1080, 2316), (1080, 2340), (1080, 2376), (1080, 2400), (1080, 2408), (1080, 2412),
    (1080, 2424), (1080, 2460), (1080, 2520), (1125, 2436), (1170, 2532), (1179, 2556),
    (1200, 1920), (1206, 2622), (1242, 2208), (1242, 2688), (1260, 2736), (1284, 2778),
    (1290, 2796), (1320, 2868), (1344, 2992), (1280, 2856), (1440, 2560), (1440, 2880),
    (1440, 2960), (1440, 3040), (1440, 3088), (1440, 3120), (1440, 3200), (1440, 3440),
    (1536, 2048), (1600, 2560), (1600, 2176), (1620, 2160), (1640, 2360), (1668, 2224),
    (1668, 2388), (1668, 2420), (1800, 2880), (1864, 2880), (1964, 3024), (2048, 2732),
    (2064, 2752), (2160, 3840), (2234, 3456), (2880, 5120),
}  # fmt: skip
"""Short and long side in pixels of the screens of phones, tablets and computers."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What `looks_like_document` goes by; ``comment`` is the Exif or XMP user comment."""

    name: str
    kind: Kind
    make: str = ""
    model: str = ""
    comment: str = ""
    width: int = 0
    height: int = 0
    has_gps: bool = False
    has_original_time: bool = False


def looks_like_document(signs: Signs) -> bool:
    """Return whether a picture is a screenshot, a scan or a download rather than a photo.

    The rule, first match counts:

    1. RAW is a photo.
    2. A maker and model of scanners: a scan.
    3. Any other maker and model: a photo, whatever its name; so is a picture with a place.
    4. A user comment "Screenshot" (Apple writes it), or a name as systems give to screenshots in
       many languages or scanning apps to scans: a document.
    5. A PNG with no maker, no model and no original time, exactly as large as a common screen:
       a screenshot.
    6. No maker, model or original time and a name as messengers and browsers give: a download,
       of which nobody knows where it was taken.
    """
    if signs.kind is Kind.RAW:
        return False
    if _SCANNER.search(f"{signs.make} {signs.model}"):
        return True
    if (signs.make and signs.model) or signs.has_gps:
        return False
    if "screenshot" in signs.comment.lower() or _SCREENSHOT.search(signs.name):
        return True
    if _SCAN_NAME.search(signs.name):
        return True
    if signs.make or signs.model or signs.has_original_time:
        return False
    if signs.kind is Kind.PNG and tuple(sorted((signs.width, signs.height))) in _SIDES:
        return True
    return _DOWNLOAD.search(signs.name) is not None
