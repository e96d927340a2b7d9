from connectors.platforms.taleo.connector import TaleoConnector

CONNECTOR = TaleoConnector
