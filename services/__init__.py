"""The services, side by side. They meet only in topics; services/wiring.py is the roof over them."""
