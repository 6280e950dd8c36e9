"""What shops call the things that customers do, and what Segment's ecommerce specification v2 calls them."""

ORDER_COMPLETED = "Order Completed"
ORDER_REFUNDED = "Order Refunded"
ORDERS = (ORDER_COMPLETED, ORDER_REFUNDED)
"""The events whose lines belong together; each line of another kind is an event of its own."""

WORDS = {
    "Product Viewed": "view viewed productview pageview detail itemview viewitem click",
    "Product Added": "cart addtocart addcart cartadd basket added",
    "Product Removed": "removefromcart removecart cartremove removed",
    "Product Added to Wishlist": "wishlist addtowishlist favorite favourite",
    "Checkout Started": "checkout begincheckout initiatecheckout startcheckout",
    ORDER_COMPLETED: "purchase purchased order ordered transaction buy bought sale",
    ORDER_REFUNDED: "refund refunded return returned",
}
"""Each event name with the words for it, without case and punctuation."""
_NAMES = {word: name for name, words in WORDS.items() for word in words.split()}
_NAMES |= {"".join(name.lower().split()): name for name in WORDS}


def segment_name(kind: str) -> str | None:
    """Find the event name for a shop's word, whatever its case and punctuation; None if it is not known.

    >>> segment_name("add_to_cart"), segment_name("Purchase"), segment_name("sneeze")
    ('Product Added', 'Order Completed', None)
    """
    return _NAMES.get("".join(filter(str.isalnum, kind.lower())))
