"""Telegram: the wire, the pace of what is sent, and the rooms that answer people."""
