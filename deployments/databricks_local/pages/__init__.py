"""The pages for people, as text. Pure; everything that comes from outside is escaped."""
