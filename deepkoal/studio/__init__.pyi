from .app import create_studio as create_studio
from .session import Session as Session
