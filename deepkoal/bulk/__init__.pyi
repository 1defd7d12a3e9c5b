from .cluster import color_items as color_items
from .cluster import join_cluster as join_cluster
from .films import color_chunks_on_cluster as color_chunks_on_cluster
from .items import BulkItem as BulkItem
from .items import BulkOutcome as BulkOutcome
from .items import plan_items as plan_items
from .storage import Storage as Storage
from .worker import Colorer as Colorer

__all__: list[str]
