"""Several accounts in one server: paths below /a/{account}/, and the app that answers each."""
