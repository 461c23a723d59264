"""The accounts of the service, as commands and pages added them."""
