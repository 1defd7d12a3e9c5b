from .deep_koalarization import koala as koala
from .efficientnet import LITE0_SHA256 as LITE0_SHA256
from .efficientnet import efficientnet_lite as efficientnet_lite
from .efficientnet import efficientnet_lite0 as efficientnet_lite0
from .efficientnet import imagenet_lite0 as imagenet_lite0
from .efficientnet_unet import lite as lite
from .embedder import SemanticEmbedder as SemanticEmbedder
from .pix2pix_unet import patch_discriminator as patch_discriminator
from .pix2pix_unet import pix2pix as pix2pix
from .restorer import restorer as restorer

NETWORK_STRIDE: int
__all__: list[str]
