"""The commands `awbridge accounts ...`: several accounts in one service."""
