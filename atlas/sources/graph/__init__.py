"""Microsoft Graph as a source of inventory: what is asked of it for each item type, and the client that asks."""
