"""Ansible inventories, read without running anything: the variables of one host, with places."""

from generator.model.inventory.read import Inventory, read_inventory
from generator.model.inventory.setting import Setting

__all__ = ["Inventory", "Setting", "read_inventory"]
