"""The words that setting ids are made of, as data: areas, the words that ids run together, names of properties."""

from collections.abc import Mapping

# Longest first: what stands before the area in a setting's id.
PREFIXES = (
    "device_vendor_msft_policy_config_",
    "user_vendor_msft_policy_config_",
    "vendor_msft_policy_config_",
    "device_vendor_msft_",
    "user_vendor_msft_",
    "vendor_msft_",
    "com.apple.",
)

AREAS: Mapping[str, str] = {
    "admx": "Administrative templates",
    "applicationmanagement": "Application management",
    "attacksurfacereduction": "Attack surface reduction",
    "bitlocker": "BitLocker",
    "chromeintunev1": "Google Chrome",
    "credentialsui": "Credentials UI",
    "defender": "Defender",
    "deliveryoptimization": "Delivery optimization",
    "deviceguard": "Device Guard",
    "devicelock": "Device lock",
    "dmaguard": "DMA Guard",
    "firewall": "Firewall",
    "googlechrome": "Google Chrome",
    "laps": "Windows LAPS",
    "localpoliciessecurityoptions": "Local security options",
    "lanmanworkstation": "LAN Manager workstation",
    "mcx.filevault2": "FileVault",
    "mcx": "Managed preferences",
    "microsoft_edge": "Microsoft Edge",
    "microsoftedge": "Microsoft Edge",
    "office16v2": "Microsoft Office",
    "onedrivengscv2": "OneDrive",
    "passportforwork": "Windows Hello for Business",
    "remotedesktopservices": "Remote Desktop Services",
    "security.firewall": "Firewall",
    "smartscreen": "SmartScreen",
    "taskmanager": "Task Manager",
    "userrights": "User rights",
    "windowsdefendersecuritycenter": "Windows Security",
    "windowslogon": "Windows logon",
}

# How a word is written inside a label where it is not as it stands.
_WRITTEN: Mapping[str, str] = {
    "bitlocker": "BitLocker", "dma": "DMA", "dns": "DNS", "edge": "Edge", "id": "ID", "ipsec": "IPsec",
    "ipv4": "IPv4", "ipv6": "IPv6", "laps": "LAPS", "lsa": "LSA", "microsoft": "Microsoft", "ntlm": "NTLM",
    "office": "Office", "onedrive": "OneDrive", "os": "OS", "pin": "PIN", "pua": "PUA", "rpc": "RPC",
    "smb": "SMB", "smbv1": "SMBv1", "tls": "TLS", "tpm": "TPM", "uac": "UAC", "uri": "URI", "url": "URL",
    "usb": "USB", "vpn": "VPN", "wifi": "Wi-Fi", "windows": "Windows", "wmi": "WMI", "filevault": "FileVault",
    "smartscreen": "SmartScreen", "xml": "XML",
}  # fmt: skip

_PLAIN = """
a above access account accounts action actions active activation activity add additional adm admin administrator
admins age all allow allowed allowlist always analysis and anonymous any app apps application applications apply
approval archive area areas as asr at attachment attachments attack audit auth authenticated authentication auto
automatic automatically autoplay autorun background backup bad based basic be behavior before between beta biometric
biometrics block blocked bluetooth boot box browser browsing build business by bypass cache calendar camera can
certificate certificates change changes channel characters check chrome child clear client clipboard cloud code
collection companion complexity compliance component components computer config configuration configure configured
connect connected connection connections consent content control controlled convenience cookie cookies copy core
count create creation credential credentials cryptography custom daily data date day days deadline debug default
defender deferral delay delete deletion delivery deny desktop detection device devices diagnostic diagnostics dialog
disable disabled disallow display do domain domains download downloads drive driver drivers drives early
elevated elevation email enable enabled encryption encrypted endpoint enforce enforcement enforced enhanced enroll
enterprise error event exclude excluded exclusion exclusions execution expiration experience explorer extended
extension extensions external facial fallback feature features feedback feeds file files filter firewall first fixed
folder folders for force forced form free from full game gaming google grace group guard guest guest hardening hash
hello help hidden hide history home hours host https http hour hypervisor icon icons idle if ignore images impact
inbound inbox inclusion incoming indexing inactivity information install installation installed integrity interactive
internal internet interval into intranet is it items javascript kerberos kernel key keyboard keys known lan language
last latency launch layer length less level levels limit list listing lists local location lock locked lockout log
logging logon logons loopback mac machine macros mail malware manage managed management manager managers manual
mapping max maximum media meeting member memory merge message messages metered min minimum minutes mode monitor
monitoring ms multi name named names native network networks new news no non not notification notifications number
object of off offline on one only open operation operations opt optimization option optional options or
organization other out outbound outlook output over override own package packages page pages paging passive passport
password passwords paste path paths patterns pause peer per percentage period permission permissions personal personalization
phishing phone picker platform play plugin policies policy popup port potentially power preferences preferred prelaunch
preview prevent previous print printer printers privacy private privilege privileges process profile profiles program
prohibit prompt protect protected protection protocol provider proxy public quality quick quiet ransomware read
real reboot recall recent recommendations recommended recording recovery redirect redirection reduction registry release
remediation remember reminder remote removable remove rename replace report reporting reports require required
requires reset resolution resource restart restrict restricted restriction restrictions results reuse rights root
rotation rule rules run runtime safe sample samples save scan scanning schedule scheduled scope screen script scripts
search second secure security send sensitive server service services session set setting settings setup severity
share shared sharing shell shortcut show sign signature signed signing signin silent silently simple single site
size skip sleep smart software source spotlight spynet standard start startup state status storage store
strength strict string strong submit submission subscription suggested suggestions support suppress surface switch sync
synchronization system tab tablet tamper target task tcp telemetry template text third threat through time timeout
timeserver tips title to toast tool tools tracking traffic transfer trigger trust trusted turn type types
unattended unencrypted unicast uninstall unlock unsafe unsigned unsolicited untrusted unwanted update updates upgrade
uploads usage use used user users validation value values variables verify version versions video view
virtualization visibility volume wait warn warning watson web website week welcome widgets wireless with without word
work workstation write xbox zone zones
"""

WORDS: Mapping[str, str] = {**{word: word for word in _PLAIN.split()}, **_WRITTEN}

NAMES: Mapping[str, str] = {
    "name": "Name",
    "displayName": "Name",
    "description": "Description",
    "@odata.type": "Kind of object",
    "roleScopeTagIds": "Scope tags",
    "assignments": "Assignments",
    "omaSettings": "OMA-URI settings",
    "omaUri": "OMA-URI",
    "scheduledActionsForRule": "Actions for noncompliance",
    "scheduledActionConfigurations": "Action",
    "gracePeriodHours": "Grace period (hours)",
}
