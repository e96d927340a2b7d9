from connectors.platforms.workday.connector import WorkdayConnector

CONNECTOR = WorkdayConnector
