"""A shop in FastAPI: `uvicorn shop.app:app`. Settings are variables that begin with SHOP_."""
