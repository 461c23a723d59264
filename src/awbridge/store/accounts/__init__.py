"""The accounts of the service: those that commands and pages added, and which have work that is due."""
