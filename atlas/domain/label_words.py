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
    "lanmanserver": "LAN Manager server",
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
    "windowsai": "Windows AI",
    "windowslogon": "Windows logon",
}

# How a word is written inside a label where it is not as it stands.
_WRITTEN: Mapping[str, str] = {
    "bitlocker": "BitLocker", "dma": "DMA", "dns": "DNS", "edge": "Edge", "id": "ID", "ipsec": "IPsec",
    "ipv4": "IPv4", "ipv6": "IPv6", "laps": "LAPS", "lsa": "LSA", "microsoft": "Microsoft", "ntlm": "NTLM",
    "office": "Office", "onedrive": "OneDrive", "os": "OS", "pin": "PIN", "pua": "PUA", "rpc": "RPC",
    "smb": "SMB", "smbv1": "SMBv1", "tls": "TLS", "tpm": "TPM", "uac": "UAC", "uri": "URI", "url": "URL",
    "usb": "USB", "vpn": "VPN", "wifi": "Wi-Fi", "windows": "Windows", "wmi": "WMI", "filevault": "FileVault",
    "smartscreen": "SmartScreen", "xml": "XML", "kerberos": "Kerberos", "copilot": "Copilot", "ie": "IE",
    "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512", "smb2": "SMB2", "pk": "PK",
}  # fmt: skip

_PLAIN = """
a above access account accounts action actions activation active activity add additional adm admin administrator
admins age algorithm algorithms all allow allowed allowlist always analysis and anonymous any app application
applications apply approval apps archive area areas as asr at attachment attachments attack audit auth authenticated
authentication auto automatic automatically autoplay autorun background backup bad based basic battery be before
behavior beta between biometric biometrics block blocked blocker blocking bluetooth boot box browser browsing build
business button by bypass cache calendar camera can center certificate certificates change changes channel
characters check child chrome clear client clipboard cloud code collection companion complexity compliance component
components computer config configuration configure configured connect connected connection connections consent
content control controlled convenience convert cookie cookies copilot copy core count create creation credential
credentials cryptography custom daily data date day days deadline debug default defender deferral delay delete
deletion delivery deny desktop detection device devices diagnostic diagnostics dialect dialog disable disabled
disallow display do does domain domains download downloads drive driver drivers drives dropped dynamic early
elevated elevation email enable enabled encrypted encryption endpoint enforce enforced enforcement enhanced enroll
enterprise error event exclude excluded exclusion exclusions execution experience expiration explorer extended
extension extensions external facial fallback feature features feedback feeds file files filter firewall first fixed
folder folders for force forced form free from full game gamer games gaming google grace group guard guest hardening
hash hello help hibernate hidden hide history home host hour hours http https hypervisor icon icons identifier
identity idle ie if ignore images impact in inactivity inbound inbox inclusion incoming indexing information init
insecure install installation installed integration integrity interactive internal internet interval into intranet
is isolation it items javascript kerberos kernel key keyboard keys known lan language last latency launch layer
legacy length less level levels limit limiter list listing lists local location lock locked lockout log logging
logon logons loopback mac machine macros mail mailslots malware manage managed management manager managers manual
mapping max maximum media meeting member memory merge message messages metered min minimum minutes mode monitor
monitoring ms multi name named names native network networks new news no non not notification notifications number
object of off offline on one only open operation operations opt optimization option optional options or organization
other out outbound outlook output over override own package packages page pages paging passive passport password
passwords paste path paths patterns pause peer per percentage period permission permissions personal personalization
phishing phone picker pk platform play plugged plugin points policies policy popup port potentially power
preferences preferred prelaunch prevent preview previous print printer printers privacy private privilege privileges
process profile profiles program prohibit promotional prompt protect protected protection protocol provider proxy
public quality quick quiet ransomware rate read real reboot recall recent recommendations recommended recording
recovery redirect redirection reduction registry relaunch release reload remediation remember reminder remote
removable remove rename replace report reporting reports requests require required requires reset resolution
resource restart restrict restricted restriction restrictions results retrieval reuse rights root rotation rule
rules run runtime safe sample samples save scan scanning scareware schedule scheduled scope screen script scripts
search second secure security send sensitive server service services session set setting settings setup severity
sha1 sha256 share shared sharing shell shortcut show sign signature signed signin signing silent silently simple
single site size skip sleep sleeping smart software source spotlight spynet standard standby start startup state
states status storage store strength strict string strong submission submit subscription sudo suggested suggestions
support supports suppress surface survey switch sync synchronization system tab tablet tabs tamper target task tcp
telemetry template text third threat through ticket time timeout timeserver tips title to toast tool toolbar tools
tracking traffic transfer trigger trust trusted turn type types unattended unencrypted unicast uninstall unlock
unsafe unsigned unsolicited untrusted unwanted update updates upgrade uploads usage use used user users validation
value values variables verify version versions video view virtualization visibility volume wait warn warning watson
web website week welcome when widgets wireless with without word work workstation write xbox zone zones
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
