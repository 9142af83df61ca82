"""Atlas tells what changed in a Microsoft 365/Intune tenant, whether that is all right, and who said so."""

__version__ = "0.1.0"
