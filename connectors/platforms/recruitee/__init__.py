from connectors.platforms.recruitee.connector import RecruiteeConnector

CONNECTOR = RecruiteeConnector
