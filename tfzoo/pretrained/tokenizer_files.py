"""stub"""


def write_tokenizer(tokenizer, folder):
    """stub"""
