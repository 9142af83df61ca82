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
    "internetexplorer": "Internet Explorer",
    "onedrivengsc": "OneDrive",
    "managedclient.preferences": "Managed client preferences",
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
    "aad": "Entra ID", "activex": "ActiveX", "java": "Java", "outlk": "Outlook", "secguide": "Security guide",
    "xprotect": "XProtect", "sam": "SAM", "ram": "RAM",
    "airdrop": "AirDrop", "airplay": "AirPlay", "airprint": "AirPrint", "api": "API",
    "bing": "Bing", "crl": "CRL", "cortana": "Cortana", "credssp": "CredSSP", "dde": "DDE", "dif": "DIF",
    "excel": "Excel", "exe": "EXE", "facetime": "FaceTime", "guid": "GUID", "icloud": "iCloud", "ios": "iOS",
    "irm": "IRM", "itunes": "iTunes", "jscript": "JScript", "kfm": "KFM", "lpt": "LPT", "macos": "macOS",
    "mime": "MIME", "ntp": "NTP", "ole": "OLE", "onenote": "OneNote", "outlook": "Outlook", "pdf": "PDF",
    "pnp": "PnP", "powerpoint": "PowerPoint", "powerpnt": "PowerPoint", "rss": "RSS", "safari": "Safari",
    "sip": "SIP", "siri": "Siri", "sylk": "SYLK", "smime": "S/MIME", "vba": "VBA", "visio": "Visio",
    "wdigest": "WDigest", "winword": "Word", "xll": "XLL", "apple": "Apple", "google": "Google",
    "onedrivengsc": "OneDrive", "wsl": "WSL", "mdm": "MDM", "sso": "SSO", "cpu": "CPU", "ftp": "FTP", "gpo": "GPO",
    "ssl": "SSL", "mse7exe": "MSE7.EXE", "mspub": "Publisher", "winproj": "Project", "pptview": "PowerPoint viewer",
    "bitlocker": "BitLocker", "dma": "DMA", "dns": "DNS", "edge": "Edge", "id": "ID", "ipsec": "IPsec",
    "ipv4": "IPv4", "ipv6": "IPv6", "laps": "LAPS", "lsa": "LSA", "microsoft": "Microsoft", "ntlm": "NTLM",
    "office": "Office", "onedrive": "OneDrive", "os": "OS", "pin": "PIN", "pua": "PUA", "rpc": "RPC",
    "smb": "SMB", "smbv1": "SMBv1", "tls": "TLS", "tpm": "TPM", "uac": "UAC", "uri": "URI", "url": "URL",
    "usb": "USB", "vpn": "VPN", "wifi": "Wi-Fi", "windows": "Windows", "wmi": "WMI", "filevault": "FileVault",
    "smartscreen": "SmartScreen", "xml": "XML", "kerberos": "Kerberos", "copilot": "Copilot", "ie": "IE",
    "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512", "smb2": "SMB2", "pk": "PK",
}  # fmt: skip

_PLAIN = """
a aad about above absolute abusive academic access accessibility account accounts acknowledge acrobat across action
actions activation active activex activity add addin adding addins additional address addresses adds adm admin
administrator admins ads advanced after again age air airdrop airplay airprint alert alerts algorithm algorithms all
allocsi allow allowed allowlist aloud always amount an analysis analytics and anonymous answer answers antivirus any
app appinstaller apple application applications apply approval approved apps archive archived are area areas arp as
ask asks asr assessment assigned assistance assistant associations assurance at atp attached attachment attachments
attack attempts audio audit auth authenticated authentication authenticode authn authorities authority authorization
auto autofill automatic automatically automation autoplay autorun autosave average background backoff backup bad
badges bandwidth bar based basic basics battery be been before behavior being beta between binary bing biometric
biometrics bits blank block blocked blocker blocking bluetooth bookmark bookmarks books boost boot box browser
browsing build bundle business button by bypass cache cached caching cadence calendar calendars call called calls
camera can cannot cap capacity capture card cards cast cat catchup cellular center certificate certificates certified
change changes channel characters chat check checkbox checker child chrome cipher ciphers classic clear click client
clients clipboard close cloud clouds code codes collection colon color colors com combo command commands comment
comments communication community companion compatibility complete complexity compliance component components
computation computer computers conditional conferencing config configuration configure configured configures
configuring confirm connect connected connection connections connectivity consent consistent console consumer contacts
containers content continuation control controlled controls convenience convert cookie cookies copilot copy core
cortana cost could count crash create creating creation creator credential credentials credit credssp criterion
critical crl cross crypto cryptography current cursor custom customer customize daemon daily damage data database
databases date day days dbase dde deadline debug debugger debugging decryption dedicated default defender deferral
definition definitions delay delegation delete deletes deleting deletion delivery demand deny desc descriptions design
designer desktop destination detailed detect detected detection detections determine developer developers device
devices diagnose diagnostic diagnostics dial dialect dialog dictation dif diff difference different digest digitally
dimensions direct direction directly directories directory disable disabled disallow disconnect discovery dismiss
display displayed do dock document documents does domain domains dont double download downloaded downloading downloads
drag dragging drive driver drivers drives dropdown dropped dropping duration during dynamic earlier early east edit
edition editor effective elements elevated elevation email emails employee enable enabled enclosure encrypt encrypted
encryption end endpoint enforce enforced enforcement engine enhance enhanced enroll enter entering enterprise entropy
enum enumerate enumeration environment ephemeral erase error errors escrow estimated ethernet event every exceeded
excel except exceptions exchange exclude excluded exclusion exclusions exclusive exe executable executables execute
executing execution exit experience experimental experiments expiration explicit exploit exploitation exploited
explorer export exportable expose extended extensible extension extensions external externally facetime facial fail
failed fails failure failures fallback family fast feature features feed feedback feeding feeds field fields file
files filter filtering find finding finger fingerprint firewall firmware first fixed flag flags flash flow folder
folders font fonts footer for force forced forest form formats formula formulas found frame frames framework fre free
frequency friend friends from full fullscreen function gallery game gamer games gaming gdi general generate generated
generator generic geolocation geometry gestures get global google grace grade grant graph groove group guard guest
guid handling hard harden hardening hardware hash have header headers health hello help hex hibernate hidden hide high
highest history hold holographic home host hosts hour hours how http https hub hybrid hyper hyperlink hyperlinks
hypervisor icloud icon icons idea identified identifier identifiers identify identity idle ie if iframe ignore ignored
ignoring image images immediately imminent impact impersonate impersonation implicit import importing improvement in
inactivity inbound inbox incident include includes inclusion incoming increase indexing inform information init
initial initialize initiated ink input insecure insider insiders inspection install installation installed installer
installers installing instance instant instead integer integrated integration integrity intel intelligence intent
interactive interception interests interface interfaces internal internet interruption interval into intranet
intrusive invalid inventory invitations ios irm is isolation it item items its itunes iz java javascript jscript just
kerberos kernel key keyboard keychain keys kfm kiosk known labs lan language languages laptop large last latency later
launch launched launcher launching layer lcid legacy length less level levels library licensing lid light like limit
limiter line link links list listing lists live load loading local location locations lock lockdown locked lockout log
logged logging logic login logon logons look loopback low lower lpt mac machine macos macros made mail mailbox
mailslots main major make making malware manage managed management manager managers managing manifest manual many map
mapping mark match matching max maximize maximum media meeting meetings member members memory merge message messages
metered method methods microphone migrate mime min minimize minimum minor minutes mirror miscellaneous mitigation mix
mixed mobile mod mode moderate modern modes modification modified modify monitor monitoring month monthly months more
most mount move movie ms multi music must mute name named names namespace native navigate navigation near nearby need
needed negotiate network networks never new news next no nodes non nonce nonexportable normal not note notes
notification notifications notify ntp number oauth obfuscated object objects occurs odb odc of off offer offline ole
on onboarding once one onenote online only oom open opened opening operating operation operations opt optimization
optimized optin option optional options or oracle order organization organizational origin originating origins other
our out outbound outlk outlook output over override overrides own owner ownership package packages packet packets page
pages paging pairing pane panel panes parent part partial parties partition partitions partname partners party passing
passive passphrase passport password passwordless passwords past paste path paths pattern patterns pause payment
payments pdf peak peer peers pencil penetration people per percentage perform performance period permanent permission
permissions persistence persistent person personal personalization personalized phishing phone photo photos picker
picture pictures pin pinned pinning pipes pixel pk platform play playback player playing plugged plugin pnp points
policies policy poll popup port portable ports position post potentially power poweroff powerpoint practices
predictions preference preferences preferred prefix prelaunch preload premium presence present presentation prevalence
prevent prevention preview previous primary print printer printers printing prior priority privacy private privilege
privileged privileges procedure process processes processing processor profile profiles program programmatic programs
progress prohibit project projection projects promote promotion promotional prompt prompting prompts properties
protect protected protection protections protocol protocols prove provided provider providers provision provisioning
proxies proximity proxy public publish published publisher publishers pull push quality quarantine query queue quick
quiet quit quota ram random ranges ransom ransomware rate rating raw reach read reader reading ready real reason
reboot recall receive received recent recommend recommendations recommended recording recover recovery reddit redirect
redirected redirecting redirection reduction reference references refresh refuse region register registered
registration registry related relaunch release reliability reliant reload remediation remember remembered reminder
reminders remote remoteapp remoting removable removal removals remove rename render renderer rendering repair repeat
replace replaced replacement reply report reporting reports republish reputation requested requestor requests require
required requires reserve reset resets resolution resolve resource resources response responses restart restarts
restoration restore restrict restricted restricting restriction restrictions result results retain retention retries
retrieval retry reuse reveal review revocation reward rewards right rights ring roaming role roles root rotation
router routers routing rows rpm rss rule rules run runtime safari safe safes safety sam same sample samples sandbox
sandboxed save saver saving scale scan scanned scanning scareware schedule scheduled scheduler scheme schemes scope
scoring screen screensaver script scripting scriptlet scriptlets scripts scroll search secguide second seconds secret
sections sector secure security see select selected selection send sender sending sensitive sent separate sequence
serial server servers service services session set setting settings setup severe severity sha1 sha256 shadow share
shared shares sharing sheet sheets shell shields shift shopping shortcut shortcuts should show shown shutdown side
sign signature signatures signed signin signing signon silent silently simple simulate single sip siri site sites size
skip sleep sleeping slide slideshow smart smarts smime sniffing soft software solicited some sort sound sounds source
sources space speaker special specific specified specify speech speed spell spelling split spotlight spynet stack
stage standalone standard standby start startup state stateful statement states static status steal stealing stealth
step sticky stop stops storage store stream streaming strength strict string strip strong structure style sub subject
submission submit subscription subscriptions substitution subsystem subsystems success successful sudo suggest
suggested suggestions suite support supports suppress surface survey suspend swap switch switching sylk symbolic sync
synced synchronization syncing system tab table tables tablet tabs tag tags take tamper target task taskbar tasks tcp
tdt team teams technologies technology telemetry temp template templates temporary tenant tenants terminal test tests
text texts than thank that their them theme then therapy there these they third thread threat threats throttle through
thumbnail ticket tile tiles time timed timeout timer times timeserver tips title to toast token tokens took tool
toolbar tools tooltip top topology track tracking traffic trail training transcript transfer transition translate
transmission transparency transport tray trigger troubleshooting truncate trust trusted trustee ts tunnel turn
tutorial two type types typo typosquatting unapproved unattended unauthenticated unblock uncompressed under undo
unencrypted unenrollment unicast unified uninitialized uninstall uninstaller universal unknown unlimited unload unlock
unlocking unmanaged unpacked unpinned unregister unrestricted unsafe unsigned unsolicited unspecified unsupported
until untrust untrusted unusable unwanted update updater updates upgrade upgrades uplink upload uploads upper usage
use used user users using utility valid validation value values variables variant variations vault vba vendor verbose
verification verified verify version versions video view virtualization virus visibility visible visio visit voice
volume volumes vulnerable wait wake wallet wallpaper want warn warning warnings was watch watson way ways wcm wdigest
weak weather web website week welcome were when which who wide widget widgets width wild will window wininet winlogon
wireless with within without wizard word work workbook workbooks worker workplace worksheet worksheets workspace
workspaces workstation would write writing written xbox xll xml xprotect xslt year you your zip zone zones zoom
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
