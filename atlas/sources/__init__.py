"""Where inventory comes from: export folders and Microsoft Graph."""
