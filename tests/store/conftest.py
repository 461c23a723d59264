"""The store of tests/store/stores.py in place of the general one."""

from tests.store.stores import store, store_url

__all__ = ["store", "store_url"]
