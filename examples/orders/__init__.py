"""Order systems of merchants, connected to awbridge: each module maps the orders of one system and reports back to it.

Copy the folder, adapt `merchant.toml`, and run a module: `python -m orders.shopify --help`.
"""
