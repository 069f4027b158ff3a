"""Names that many machines meet every day, and names that are not one owner's: registries, hosting, gov.vn.

Refused: a registry's suffix (`com.vn`, `gov.vn`), because it means all below it. Asked about: the name itself of a
service that everybody uses, names below gov.vn (another agency's, which may have been broken into), and a hosting or
sharing service as a whole (one customer's page is a URL, or a name below it, and is taken without a question).
Source: written by hand, 2026-11, compared with the Public Suffix List: registries of .vn and its neighbours, and the
services that Vietnamese agencies' machines meet most.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Warn
from correlator.indicators.warnings._places import name_of

_VN = "com net org edu gov int ac biz info name pro health id io ai"
_ABROAD = (
    "co.uk org.uk gov.uk ac.uk com.au net.au org.au gov.au com.cn net.cn org.cn gov.cn com.tw com.hk com.sg gov.sg "
    "co.jp or.jp go.jp ne.jp co.kr or.kr go.kr com.br com.tr com.ru co.in co.th go.th com.my com.ph com.kh gov.kh "
    "com.la co.id go.id in-addr.arpa ip6.arpa com.mx co.za"
)
_SUFFIXES = frozenset([*(f"{one}.vn" for one in _VN.split()), *_ABROAD.split()])
_EVERYBODY_NAMES = (
    "google.com google.com.vn googleapis.com gstatic.com googleusercontent.com youtube.com ytimg.com "
    "googlevideo.com gvt1.com gvt2.com android.com doubleclick.net google-analytics.com googletagmanager.com "
    "microsoft.com microsoftonline.com windows.com windowsupdate.com windows.net office.com office365.com live.com "
    "outlook.com msn.com bing.com msedge.net skype.com sharepoint.com azure.com trafficmanager.net azureedge.net "
    "visualstudio.com github.com apple.com icloud.com mzstatic.com aaplimg.com cdn-apple.com "
    "amazon.com amazonaws.com cloudfront.net awsstatic.com cloudflare.com cloudflare.net cloudflare-dns.com "
    "akamai.net akamaiedge.net akamaized.net edgekey.net edgesuite.net fastly.net fastly.com "
    "facebook.com fbcdn.net instagram.com whatsapp.com whatsapp.net messenger.com tiktok.com tiktokcdn.com "
    "telegram.org t.me twitter.com x.com linkedin.com yahoo.com wikipedia.org wikimedia.org "
    "mozilla.org mozilla.com firefox.com ubuntu.com debian.org python.org pypi.org npmjs.org docker.com docker.io "
    "redhat.com centos.org fedoraproject.org kernel.org oracle.com adobe.com zoom.us teamviewer.com anydesk.com "
    "digicert.com letsencrypt.org lencr.org sectigo.com globalsign.com entrust.net ocsp.digicert.com verisign.com "
    "pool.ntp.org ntp.org kaspersky.com kaspersky-labs.com eset.com symantec.com mcafee.com trendmicro.com "
    "virustotal.com bkav.com bkav.com.vn cmcinfosec.com "
    "zalo.me zaloapp.com zadn.vn zing.vn vng.com.vn vnexpress.net dantri.com.vn tuoitre.vn thanhnien.vn vtv.vn "
    "vietnamnet.vn vnpt.vn viettel.vn viettel.com.vn fpt.vn fpt.com.vn mobifone.vn vinaphone.com.vn coccoc.com "
    "shopee.vn tiki.vn momo.vn vietcombank.com.vn vietinbank.vn bidv.com.vn agribank.com.vn techcombank.com.vn "
    "mbbank.com.vn vnnic.vn"
)
_EVERYBODY = frozenset(_EVERYBODY_NAMES.split())
_SHARING_NAMES = (
    "github.io githubusercontent.com raw.githubusercontent.com gitlab.io pages.dev workers.dev web.app firebaseapp.com "
    "netlify.app vercel.app herokuapp.com blogspot.com wordpress.com weebly.com wixsite.com dropbox.com "
    "dropboxusercontent.com drive.google.com docs.google.com sites.google.com onedrive.live.com 1drv.ms mega.nz "
    "mediafire.com pastebin.com discord.com discordapp.com cdn.discordapp.com transfer.sh bit.ly tinyurl.com is.gd "
    "cutt.ly rb.gy ngrok.io ngrok-free.app trycloudflare.com duckdns.org ddns.net no-ip.org hopto.org s3.amazonaws.com "
    "blob.core.windows.net azurewebsites.net fshare.vn"
)
_SHARING = frozenset(_SHARING_NAMES.split())


def make(own: Own) -> Callable[[str, str], Caution | None]:
    def check(kind: str, value: str) -> Caution | None:
        name = name_of(kind, value)
        if name is None:
            return None
        whole = kind == "domain"
        if whole and name in _SUFFIXES:
            return Caution("refuse", "names", f"{name} là đuôi tên miền: khớp mọi tên bên dưới.",
                           f"{name} is a registry's suffix: it would match all names below.")  # fmt: skip
        if name.endswith(".gov.vn"):
            return Caution("ask", "names", f"{name} thuộc cơ quan nhà nước Việt Nam.",
                           f"{name} belongs to a Vietnamese state agency.")  # fmt: skip
        if whole and name in _SHARING:
            return Caution("ask", "names", f"{name} là dịch vụ dùng chung: nên nêu URL hoặc tên bên dưới.",
                           f"{name} is shared by many owners: a URL or a name below it says more.")  # fmt: skip
        if whole and name in _EVERYBODY:
            return Caution("ask", "names", f"{name} được rất nhiều máy dùng hằng ngày.",
                           f"{name} is met by very many machines every day.")  # fmt: skip
        if not whole and value.count("/") == 3 and value.endswith("/") and name in _EVERYBODY | _SHARING:
            return Caution("ask", "names", f"Trang đầu của {name}.", f"The front page of {name}.")
        return None

    return check


WARNING = Warn(
    title={"vi": "Tên miền phổ biến, đuôi tên miền, gov.vn", "en": "Everybody's names, registries, gov.vn"},
    make=make,
    examples=(
        ("domain", "gov.vn", "refuse"),
        ("domain", "com.vn", "refuse"),
        ("domain", "xa-a.gov.vn", "ask"),
        ("url", "https://xa-a.gov.vn/tmp/x.exe", "ask"),
        ("domain", "google.com", "ask"),
        ("domain", "github.io", "ask"),
        ("domain", "attacker.github.io", None),
        ("url", "https://raw.githubusercontent.com/a/b/x.ps1", None),
        ("url", "https://www.google.com/", None),
        ("url", "https://google.com/", "ask"),
        ("domain", "evil.example", None),
        ("ip", "203.0.113.9", None),
    ),
)
